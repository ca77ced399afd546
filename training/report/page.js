"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MEAN = "all subjects";
  const DASHES = ["solid", "solid", "solid", "solid", "dash", "dashdot", "dot"];
  const hidden = new Set();
  const said = (method) => data.labels[method] || method.charAt(0).toUpperCase() + method.slice(1).replaceAll("_", " ");
  const label = (method) => plain(said(method));
  const { style, fade, settings, layout, panel, band, plain } = Figure;
  // Curves and errors may come from different files: every method that either knows has its place.
  const methods = [...new Set(["reference", ...(data.curves.methods || []), ...data.dots.flatMap((dots) => Object.keys(dots.values))])];
  const rest = methods.filter((method) => method !== "reference" && !method.startsWith("mean_waveform"));
  // Fixed places: the reference is ink, the mean waveform grey, whatever else is there takes the hues in order.
  const place = (method) => {
    if (method === "reference") return 0;
    if (method === "mean_waveform") return 4;
    if (method.startsWith("mean_waveform")) return 6;
    return [1, 2, 3, 5][Math.max(0, rest.indexOf(method)) % 4];
  };
  const colour = (method) => style(`--method-${place(method)}`);
  const percent = Array.from({ length: 101 }, (_, i) => i);
  const curveTraces = (curves, unit) => {
    const traces = [];
    for (const method of methods) {
      const curve = curves[method];
      if (!curve || hidden.has(method)) continue;
      const mean = curve.mean || curve;
      if (curve.sd) {
        const edge = (sign) => mean.map((value, i) => value + sign * curve.sd[i]);
        traces.push(band(percent, edge(-1), edge(1), colour(method), method === "reference" ? 0.16 : 0.09));
      }
      traces.push({
        x: percent, y: mean, mode: "lines", name: label(method),
        line: { color: colour(method), width: method === "reference" ? 2.6 : 1.9, dash: DASHES[place(method)] },
        hovertemplate: `%{y:.1f} ${unit} at %{x} %<extra>${label(method)}</extra>`,
      });
    }
    return traces;
  };

  const plots = new Map();
  const drawCurves = () => {
    const subject = document.getElementById("subject").value;
    const side = document.querySelector("input[name=side]:checked").value;
    const source = subject === MEAN ? data.curves.mean[side] : data.curves.curves[subject][side];
    const chosen = data.curves.subjects.find((entry) => entry.code === subject);
    document.getElementById("shown").textContent = chosen
      ? `trial ${chosen.trial} of ${subject}.`
      : `mean over ${data.curves.subjects.length} subjects (each the mean of its trials); bands are ± 1 SD over subjects, of every method.`;
    for (const { key, unit } of data.curves.panels) {
      const look = layout({ range: [0, 100], dtick: 25, ticksuffix: " %" }, { nticks: 5 }, { l: 42, r: 10, t: 8, b: 28 });
      Plotly.react(plots.get(key), curveTraces(source[key], unit), look, settings);
    }
  };

  const drawDots = () => {
    data.dots.forEach((measure, index) => {
      const own = methods.filter((method) => measure.values[method]);
      const traces = own.map((method) => {
        const values = Object.values(measure.values[method]);
        return {
          x: values, y: values.map(() => label(method)), text: Object.keys(measure.values[method]).map(plain), mode: "markers",
          marker: { color: fade(colour(method), 0.55), size: 9 }, hovertemplate: `%{text}: %{x:.2f} ${measure.unit}<extra></extra>`,
        };
      });
      for (const method of own) {
        const values = Object.values(measure.values[method]);
        traces.push({
          x: [values.reduce((sum, value) => sum + value, 0) / values.length], y: [label(method)], mode: "markers",
          marker: { color: colour(method), size: 20, symbol: "line-ns", line: { color: colour(method), width: 3 } },
          hovertemplate: `mean %{x:.2f} ${measure.unit}<extra></extra>`,
        });
      }
      const look = layout(
        { rangemode: "tozero", nticks: 6 },
        { categoryarray: own.map(label).reverse(), categoryorder: "array", automargin: true, gridcolor: "rgba(0,0,0,0)" },
        { l: 90, r: 14, t: 8, b: 30 },
      );
      Plotly.react(plots.get(`dots-${index}`), traces, look, settings);
    });
  };

  const drawLegend = () => {
    const legend = document.getElementById("legend");
    legend.replaceChildren(
      ...data.curves.methods.map((method) => {
        const button = document.createElement("button");
        button.type = "button";
        button.setAttribute("aria-pressed", String(!hidden.has(method)));
        const line = document.createElement("i");
        line.style.borderTopColor = colour(method);
        line.style.borderTopStyle = DASHES[place(method)] === "solid" ? "solid" : "dashed";
        button.append(line, said(method));
        button.addEventListener("click", () => {
          if (!hidden.delete(method)) hidden.add(method);
          drawLegend();
          drawCurves();
        });
        return button;
      }),
    );
  };

  const redraw = () => {
    if (document.getElementById("panels")) {
      drawLegend();
      drawCurves();
    }
    if (document.getElementById("dots")) drawDots();
    if (document.getElementById("agreement-panels")) Agreement.fill(data.agreement, said, colour);
    data.losses.forEach((of, index) => {
      const [, curve] = Object.entries(of.runs)[0];
      Figure.drawLosses(plots.get(`loss-${index}`), [[label(of.method), curve, colour(of.method)]]);
    });
  };

  if (document.getElementById("panels")) {
    const select = document.getElementById("subject");
    for (const name of [MEAN, ...data.curves.subjects.map((entry) => entry.code)]) {
      select.append(new Option(name === MEAN ? "mean ± SD over subjects" : name, name));
    }
    for (const { key, title, unit } of data.curves.panels) plots.set(key, panel(document.getElementById("panels"), title, unit));
    select.addEventListener("change", drawCurves);
    for (const radio of document.querySelectorAll("input[name=side]")) radio.addEventListener("change", drawCurves);
  }
  if (document.getElementById("dots")) {
    data.dots.forEach((measure, index) => {
      plots.set(`dots-${index}`, panel(document.getElementById("dots"), measure.title, measure.unit));
    });
  }
  if (document.getElementById("agreement-panels")) Agreement.start(data.agreement, said, colour);
  data.losses.forEach((of, index) => {
    plots.set(`loss-${index}`, panel(document.getElementById("losses"), said(of.method), "loss"));
  });
  redraw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.documentElement.dataset.drawn = "yes";
})();
