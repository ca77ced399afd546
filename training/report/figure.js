"use strict";
// What every figure of a page shares: colours of the style sheet, axes, a panel with its heading.
const Figure = (() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const fade = (hex, alpha) => `rgba(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",")},${alpha})`;
  // Plotly reads a few tags in text; names from files are to be shown, not read.
  const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const settings = { displayModeBar: false, responsive: true };
  const axis = (extra) => ({
    gridcolor: style("--grid"), linecolor: style("--line"), zerolinecolor: style("--line"), tickfont: { size: 11 },
    fixedrange: true, ...extra,
  });
  const layout = (x, y, margin) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, margin,
    font: { color: style("--soft"), family: "system-ui, sans-serif", size: 12 }, xaxis: axis(x), yaxis: axis(y),
    hoverlabel: { bgcolor: style("--card"), bordercolor: style("--line"), font: { color: style("--ink") } },
  });
  const panel = (parent, title, unit) => {
    const box = document.createElement("div");
    box.className = "panel";
    const heading = document.createElement("h3");
    heading.append(title + " ");
    const small = document.createElement("small");
    small.textContent = unit;
    heading.append(small);
    const plot = document.createElement("div");
    plot.className = "plot";
    box.append(heading, plot);
    parent.append(box);
    return plot;
  };
  // A band between two curves over the same x.
  const band = (x, low, high, colour, alpha) => ({
    x: x.concat([...x].reverse()), y: high.concat([...low].reverse()), fill: "toself", fillcolor: fade(colour, alpha),
    line: { width: 0 }, hoverinfo: "skip", mode: "lines",
  });
  // Loss against step: the mean over trainings, a band from the least to the greatest. `named` = [name, curve, colour].
  const drawLosses = (plot, named) => {
    const traces = [];
    for (const [, curve, colour] of named) if (curve.n > 1) traces.push(band(curve.step, curve.low, curve.high, colour, 0.12));
    for (const [name, curve, colour] of named) {
      traces.push({
        x: curve.step, y: curve.mean, mode: "lines", name, line: { color: colour, width: 1.9 },
        hovertemplate: `%{y:.3g} at step %{x:.0f}<extra></extra>`,
      });
    }
    const look = layout({ nticks: 5, rangemode: "tozero" }, { type: "log", nticks: 5 }, { l: 48, r: 10, t: 8, b: 28 });
    Plotly.react(plot, traces, look, settings);
  };
  return { style, fade, plain, settings, axis, layout, panel, band, drawLosses };
})();
