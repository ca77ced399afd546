"use strict";
// Bland-Altman panels: one a method, of the quantity that was chosen.
const Agreement = (() => {
  const { fade, layout, panel, plain, settings, style } = Figure;
  const draw = (plot, of, unit, colour) => {
    const least = Math.min(...of.mean), most = Math.max(...of.mean), pad = 0.05 * (most - least || 1);
    const ends = [least - pad, most + pad];
    const traces = [{
      x: of.mean, y: of.difference, text: of.who.map(plain), mode: "markers", marker: { color: fade(colour, 0.6), size: 7 },
      hovertemplate: `%{text}: %{y:.2f} ${unit}<extra></extra>`,
    }];
    of.lines.forEach((value, index) => {
      const name = index ? "limit of agreement" : "bias";
      traces.push({
        x: ends, y: [value, value], mode: "lines", line: { color: style("--ink"), width: 1.4, dash: index ? "dash" : "solid" },
        hovertemplate: `${name} %{y:.2f} ${unit}<extra></extra>`,
      });
    });
    Plotly.react(plot, traces, layout({ nticks: 5, range: ends }, { nticks: 6 }, { l: 46, r: 10, t: 8, b: 28 }), settings);
  };
  const fill = (panels, label, colour) => {
    const parent = document.getElementById("agreement-panels");
    const chosen = panels[Number(document.getElementById("quantity").value)];
    parent.replaceChildren();
    for (const [method, of] of Object.entries(chosen.methods)) {
      draw(panel(parent, label(method), chosen.unit), of, chosen.unit, colour(method));
    }
  };
  const start = (panels, label, colour) => {
    const select = document.getElementById("quantity");
    panels.forEach((of, index) => select.append(new Option(of.title, index)));
    select.addEventListener("change", () => fill(panels, label, colour));
  };
  return { start, fill };
})();
