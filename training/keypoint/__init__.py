"""Networks that read keypoints of video: gait parameters, waveforms and impairment of a person seen for seconds."""
