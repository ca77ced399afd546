"""Muscle tables: the two sets of leg muscles, on purpose different from each other.

`GAIT_MUSCLES` generates gaits and follows laboratory data; `BASELINE_MUSCLES` belongs to the baseline that sees
inertial sensors only. Moment arms are polynomials of the joint angle (m, rad), constant first.
"""

from __future__ import annotations

from synth.optimal_control.muscle import Muscle, MuscleSet

GAIT_MUSCLES = MuscleSet(
    name="gait10dof18musc",
    curves="de_groote_fregly",
    max_velocity=10.0,
    activation_time=0.035,
    passive="exponential",
    body_mass=72.6,
    body_height=1.80,
    # OpenSim's gait10dof18musc (Apache-2.0), subject 01. Paths: our separable cubic fits of its muscle-tendon lengths
    # over hip -25..60, knee -2..115 and ankle -35..25 degrees.
    muscles=(
        Muscle(
            "hamstrings",
            2700.0,
            0.12363,
            0.36976,
            0.47664,
            {"hip_flexion": (-0.05799, -0.03668, 0.03486), "knee_angle": (0.02817, 0.01640, -0.01572)},
        ),
        Muscle(
            "bifemsh", 804.0, 0.19144, 0.09849, 0.2725, {"knee_angle": (0.02177, 0.02696, -0.01788)}, pennation=0.4014
        ),
        Muscle("glut_max", 1944.0, 0.17085, 0.07982, 0.22278, {"hip_flexion": (-0.05753, 0.00334, 0.01638)}),
        Muscle(
            "iliopsoas",
            2342.0,
            0.10517,
            0.16828,
            0.27439,
            {"hip_flexion": (0.04084, 0.01078, -0.00591)},
            pennation=0.1396,
        ),
        Muscle(
            "rect_fem",
            1169.0,
            0.13046,
            0.35477,
            0.46937,
            {"hip_flexion": (0.04277, 0.03284, -0.02178), "knee_angle": (-0.05196, 0.00326, 0.00564)},
            pennation=0.0873,
        ),
        Muscle(
            "vasti", 5000.0, 0.12468, 0.13517, 0.21203, {"knee_angle": (-0.04846, 0.00480, 0.00315)}, pennation=0.0524
        ),
        Muscle(
            "gastroc",
            2500.0,
            0.09013,
            0.36052,
            0.45136,
            {"knee_angle": (0.02622, -0.00262, -0.00246), "ankle_angle": (-0.05311, 0.01694, 0.02442)},
            pennation=0.2967,
        ),
        Muscle(
            "soleus", 5137.0, 0.05029, 0.25144, 0.29307, {"ankle_angle": (-0.05090, 0.02150, 0.02124)}, pennation=0.4363
        ),
        Muscle(
            "tib_ant", 3000.0, 0.09791, 0.2228, 0.3035, {"ankle_angle": (0.04464, 0.01120, -0.01047)}, pennation=0.0873
        ),
    ),
)


BASELINE_MUSCLES = MuscleSet(
    name="gait2dc",
    curves="gait2dc",
    max_velocity=12.0,
    activation_time=0.02,
    passive="smooth_limit",
    body_mass=75.0,
    body_height=1.80,
    # The gait2dc table with its constant arms, the tendons made rigid.
    muscles=(
        Muscle("iliopsoas", 1500.0, 0.102, 0.142, 0.248, {"hip_flexion": (0.05,)}, width=1.298, passive_slack=1.2),
        Muscle("glutei", 3000.0, 0.2, 0.157, 0.271, {"hip_flexion": (-0.062,)}, width=0.625, passive_slack=1.2),
        Muscle(
            "hamstrings",
            3000.0,
            0.104,
            0.334,
            0.383,
            {"hip_flexion": (-0.072,), "knee_angle": (0.034,)},
            width=1.197,
            passive_slack=1.2,
        ),
        Muscle(
            "rectus_femoris",
            1200.0,
            0.081,
            0.398,
            0.474,
            {"hip_flexion": (0.034,), "knee_angle": (-0.05,)},
            width=1.443,
            passive_slack=1.4,
        ),
        Muscle("vasti", 7000.0, 0.093, 0.223, 0.271, {"knee_angle": (-0.042,)}, width=0.627, passive_slack=1.4),
        Muscle(
            "gastrocnemius",
            3000.0,
            0.055,
            0.42,
            0.487,
            {"knee_angle": (0.02,), "ankle_angle": (-0.053,)},
            width=0.888,
            passive_slack=1.2,
        ),
        Muscle("soleus", 4000.0, 0.055, 0.245, 0.284, {"ankle_angle": (-0.053,)}, width=1.039, passive_slack=1.2),
        Muscle(
            "tibialis_anterior", 2500.0, 0.082, 0.317, 0.381, {"ankle_angle": (0.037,)}, width=0.442, passive_slack=1.2
        ),
    ),
)


MUSCLE_SETS = {m.name: m for m in (GAIT_MUSCLES, BASELINE_MUSCLES)}
