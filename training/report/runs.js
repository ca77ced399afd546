"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const parent = document.getElementById("losses");
  const plots = data.losses.map((panel) => Figure.panel(parent, panel.method, "loss"));
  const colour = (run) => Figure.style(`--method-${1 + (data.runs.indexOf(run) % 5)}`);
  const redraw = () => {
    document.getElementById("legend").replaceChildren(
      ...data.runs.map((run) => {
        const entry = document.createElement("span");
        const line = document.createElement("i");
        line.style.borderTopColor = colour(run);
        entry.append(line, run);
        return entry;
      }),
    );
    data.losses.forEach((panel, index) => {
      Figure.drawLosses(plots[index], Object.entries(panel.runs).map(([run, curve]) => [Figure.plain(run), curve, colour(run)]));
    });
  };
  redraw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.documentElement.dataset.drawn = "yes";
})();
