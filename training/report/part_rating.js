// Shows one record after another with a choice for each part; answers stay in the browser until they are exported.
"use strict";
(function () {
  const WIDTH = 320, HEIGHT = 180, LEFT = 44, BOTTOM = 24, TOP = 20;
  const place = (id) => document.getElementById(id);
  const kept = "kinesynth-parts-" + DATA.study;
  let answers = {}, at = 0;
  try { answers = JSON.parse(localStorage.getItem(kept)) || {}; } catch (error) { answers = {}; }

  function keep() {
    try { localStorage.setItem(kept, JSON.stringify(answers)); } catch (error) { /* kept until the page is closed */ }
  }

  function element(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function limits(signal) {
    const all = DATA.items.flatMap((item) => item.curves[signal]);
    return [Math.min(0, ...all), Math.max(0, ...all)];
  }

  function draw(signal, item) {
    const [low, high] = limits(signal), times = item.times, last = times[times.length - 1];
    const x = (t) => LEFT + (WIDTH - LEFT - 6) * (t - times[0]) / (last - times[0] || 1);
    const y = (v) => TOP + (HEIGHT - TOP - BOTTOM) * (high - v) / (high - low || 1);
    const picture = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": signal });
    picture.append(element("text", { x: LEFT, y: 13 }, signal));
    for (const value of [low, high]) picture.append(element("text", { x: 4, y: y(value) + 4 }, value.toFixed(1)));
    for (const t of [times[0], last]) picture.append(element("text", { x: Math.min(x(t) - 8, WIDTH - 28), y: HEIGHT - 8 }, t.toFixed(2)));
    const points = item.curves[signal].map((v, i) => `${x(times[i]).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
    picture.append(element("polyline", { points }));
    return picture;
  }

  function choice(item, part) {
    const row = document.createElement("li"), label = document.createElement("label"), select = document.createElement("select");
    for (const value of ["", ...DATA.scale]) select.append(new Option(String(value), String(value)));
    const own = answers[item.item] || {};
    select.value = part in own ? String(own[part]) : "";
    select.addEventListener("change", () => {
      const now = answers[item.item] || (answers[item.item] = {});
      if (select.value === "") delete now[part]; else now[part] = Number(select.value);
      keep();
      count();
    });
    label.textContent = part;
    select.setAttribute("aria-label", part);
    row.append(label, select);
    return row;
  }

  function count() {
    const rated = DATA.items.filter((item) => Object.keys(answers[item.item] || {}).length).length;
    place("progress").textContent = `${at + 1} of ${DATA.items.length}, ${rated} rated`;
  }

  function show() {
    const item = DATA.items[at];
    place("name").textContent = item.item;
    place("question").textContent = item.question;
    place("curves").replaceChildren(...Object.keys(item.curves).map((signal) => draw(signal, item)));
    place("parts").replaceChildren(...item.parts.map((part) => choice(item, part)));
    count();
  }

  function csv(rater) {
    const cell = (word) => `"${String(word).replace(/"/g, '""')}"`;
    const rows = DATA.items.flatMap((item) => Object.entries(answers[item.item] || {})
      .map(([part, rating]) => [item.item, rater, part, rating].map(cell).join(",")));
    return [DATA.columns.join(","), ...rows].join("\n") + "\n";
  }

  place("back").addEventListener("click", () => { at = Math.max(0, at - 1); show(); });
  place("on").addEventListener("click", () => { at = Math.min(DATA.items.length - 1, at + 1); show(); });
  place("export").addEventListener("click", () => {
    const rater = place("rater").value.trim();
    if (!rater) { place("said").textContent = "Write your name or code first."; return; }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(rater)], { type: "text/csv" }));
    link.download = `ratings_${rater.replace(/\W+/g, "_")}.csv`;
    link.click();
    place("said").textContent = `Saved as ${link.download}.`;
  });
  if (DATA.items.length) show();
  window.kinesynthRatings = csv;
})();
