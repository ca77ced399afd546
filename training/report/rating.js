"use strict";
// A blinded rating: curves one at a time, answers in this browser, results as training/report/rating.py counts them.
const study = JSON.parse(document.getElementById("data").textContent);
const WORDS = ["real", "synthetic"];
const PLACE = "kinesynth-rating-" + study.study;
const element = (id) => document.getElementById(id);
const state = { rater: "", answers: {}, at: 0 };
const others = {};

const digitOf = (id) => [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 2;
const truth = () => Object.fromEntries(study.items.map((item, k) => [item.id, WORDS[(Number(study.key[k]) + digitOf(item.id)) % 2]]));

function fleissKappa(counts) {
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const n = sum(counts[0]);
  const all = sum(counts.map(sum));
  const shares = counts[0].map((_, j) => sum(counts.map((row) => row[j])) / all);
  const chance = sum(shares.map((p) => p * p));
  if (n < 2 || chance >= 1) return NaN;
  const agreement = sum(counts.map((row) => sum(row.map((c) => c * (c - 1))) / (n * (n - 1)))) / counts.length;
  return (agreement - chance) / (1 - chance);
}

function ratingResult(answers, key) {
  const raters = Object.keys(answers);
  const share = (list) => (list.length ? list.reduce((a, b) => a + b, 0) / list.length : NaN);
  const accuracy = Object.fromEntries(raters.map((r) => [r, share(Object.entries(answers[r]).map(([i, w]) => Number(key[i] === w)))]));
  const items = raters.length ? Object.keys(key).filter((i) => raters.every((r) => i in answers[r])) : [];
  if (!items.length) return { accuracy, majority: NaN, kappa: NaN, n_items: 0 };
  const counts = items.map((i) => WORDS.map((w) => raters.filter((r) => answers[r][i] === w).length));
  const right = items.map((i, k) => {
    const lead = key[i] === WORDS[1] ? counts[k][1] - counts[k][0] : counts[k][0] - counts[k][1];
    return lead > 0 ? 1 : lead === 0 ? 0.5 : 0;
  });
  return { accuracy, majority: share(right), kappa: fleissKappa(counts), n_items: items.length };
}

function keep() {
  try { localStorage.setItem(PLACE, JSON.stringify(state)); } catch { element("message").textContent = "This browser keeps nothing: export your answers before you leave."; }
}

function panel(channel, values, low, high) {
  const [width, height, left, bottom] = [300, 170, 44, 22];
  const x = (k) => left + (k / Math.max(values.length - 1, 1)) * (width - left - 8);
  const span = high - low || 1;
  const y = (v) => height - bottom - ((v - low) / span) * (height - bottom - 26);
  const path = values.map((v, k) => `${k ? "L" : "M"}${x(k).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  const text = (px, py, words, anchor) => `<text x="${px}" y="${py}" text-anchor="${anchor}">${words}</text>`;
  const safe = (words) => String(words).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${safe(channel)}"><rect x="${left}" y="20" width="${width - left - 8}" height="${height - bottom - 20}"/>`
    + (low < 0 && high > 0 ? `<line x1="${left}" x2="${width - 8}" y1="${y(0)}" y2="${y(0)}"/>` : "")
    + `<path d="${path}"/>` + text(left, 13, safe(`${channel} (${study.unit})`), "start")
    + text(left - 4, y(low) + 4, low.toFixed(0), "end") + text(left - 4, y(high) + 4, high.toFixed(0), "end")
    + text(left, height - 6, safe(study.points[0]), "start") + text(width - 8, height - 6, safe(study.points.at(-1)), "end") + "</svg>";
}

function draw() {
  const item = study.items[state.at];
  const limits = (c, values) => [Math.min(study.low[c], ...values), Math.max(study.high[c], ...values)];
  element("panels").innerHTML = item.curves.map((values, c) => panel(study.channels[c], values, ...limits(c, values))).join("");
  element("place").textContent = `Curve ${state.at + 1} of ${study.items.length}, ${Object.keys(state.answers).length} answered`;
  for (const word of WORDS) element(word).setAttribute("aria-pressed", String(state.answers[item.id] === word));
}

function move(step) {
  state.at = Math.min(Math.max(state.at + step, 0), study.items.length - 1);
  keep();
  draw();
}

function answer(word) {
  state.answers[study.items[state.at].id] = word;
  move(1);
}

function exported() {
  return { format: study.format, study: study.study, rater: state.rater, answers: state.answers };
}

function exportAnswers() {
  if (!state.rater) { element("message").textContent = "Write your name or code first."; return; }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(exported(), null, 1)], { type: "application/json" }));
  link.download = `answers-${state.rater.replace(/[^\w-]+/g, "_")}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function take(name, text) {
  let stored;
  try { stored = JSON.parse(text); } catch { return `${name}: this is no JSON.`; }
  if (stored?.format !== study.format || typeof stored.answers !== "object") return `${name}: these are no answers of a rating page.`;
  if (stored.study !== study.study) return `${name}: these answers belong to another page.`;
  if (!stored.rater) return `${name}: the rater has no name.`;
  const known = new Set(study.items.map((item) => item.id));
  const wrong = Object.entries(stored.answers).find(([id, word]) => !known.has(id) || !WORDS.includes(word));
  if (wrong) return `${name}: item ${wrong[0]} has the answer ${wrong[1]}.`;
  others[stored.rater] = stored.answers;
  return "";
}

async function importAnswers(event) {
  const said = [];
  for (const file of event.target.files) said.push(take(file.name, await file.text()));
  element("message").textContent = said.filter(Boolean).join(" ") || `Answers of ${Object.keys(others).length} raters are here.`;
}

function everybody() {
  const own = Object.keys(state.answers).length ? { [state.rater || "you"]: state.answers } : {};
  return { ...others, ...own };
}

function show() {
  const result = ratingResult(everybody(), truth());
  const percent = (value) => (Number.isNaN(value) ? "–" : `${(100 * value).toFixed(1)} %`);
  const table = document.createElement("table");
  const add = (name, value) => {
    const row = table.insertRow();
    row.insertCell().textContent = name;
    row.insertCell().textContent = value;
  };
  for (const [rater, value] of Object.entries(result.accuracy)) add(`Right answers of ${rater}`, percent(value));
  add(`Right answers of the majority (${result.n_items} curves that all judged)`, percent(result.majority));
  add("Fleiss' kappa", Number.isNaN(result.kappa) ? "–" : result.kappa.toFixed(3));
  element("results").replaceChildren(table);
}

try { Object.assign(state, JSON.parse(localStorage.getItem(PLACE) || "{}")); } catch { /* a new start */ }
element("rater").value = state.rater;
element("rater").addEventListener("input", (event) => { state.rater = event.target.value.trim(); keep(); });
for (const word of WORDS) element(word).addEventListener("click", () => answer(word));
element("back").addEventListener("click", () => move(-1));
element("next").addEventListener("click", () => move(1));
element("export").addEventListener("click", exportAnswers);
element("import").addEventListener("change", importAnswers);
element("show").addEventListener("click", show);
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "r") answer("real");
  if (event.key === "s") answer("synthetic");
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
});
draw();
