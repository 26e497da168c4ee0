// Interactive traces of the report, drawn from the JSON in the page, without any network request.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const form = document.getElementById("explorer-controls");
  const plot = document.getElementById("explorer-plot");
  const spoken = document.getElementById("explorer-summary");
  const fused = data.modalities[data.modalities.length - 1];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const symbol = { E: "E", sigma: "σ" };

  const fill = (name, entries) => {
    for (const [value, text] of entries) form.elements[name].add(new Option(text, value));
  };
  fill("recording", data.recordings.map((r, i) => [i, `${r.name} (${r.partition})`]));
  fill("dimension", data.dimensions.map((d) => [d, d]));
  fill("task", data.tasks.map((t) => [t, t]));
  form.elements.task.value = data.tasks[data.tasks.length - 1];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colourOf = (modality) => colour(modality.includes("+") ? "--fusion" : `--of-${modality}`);

  // Concordance correlation coefficient over the drawn frames.
  const ccc = (a, b) => {
    const pairs = [];
    a.forEach((x, i) => { if (x !== null && b[i] !== null) pairs.push([x, b[i]]); });
    const n = pairs.length;
    if (n < 2) return NaN;
    const mean = (k) => pairs.reduce((s, p) => s + p[k], 0) / n;
    const [mx, my] = [mean(0), mean(1)];
    let [xx, yy, xy] = [0, 0, 0];
    for (const [x, y] of pairs) { xx += (x - mx) ** 2; yy += (y - my) ** 2; xy += (x - mx) * (y - my); }
    return (2 * xy / n) / ((xx + yy) / n + (mx - my) ** 2);
  };

  const draw = () => {
    const recording = data.recordings[Number(form.elements.recording.value)];
    const dimension = form.elements.dimension.value;
    const task = form.elements.task.value;
    const content = recording.dimensions[dimension];
    const count = Math.ceil(recording.frames / data.every);
    const time = Array.from({ length: count }, (_, i) => Math.round(1000 * i / data.rate) / 1000);
    const traces = [];
    const line = (name, values, axis, options) => {
      if (!values) return;
      traces.push({ type: "scatter", mode: "lines", x: time, y: values, yaxis: axis, name,
        hovertemplate: "%{y:.3f}", connectgaps: false, ...options });
    };
    if (form.elements.raters.checked) {
      Object.entries(content.raters).forEach(([rater, values], i) => line(
        "raters", values, "y",
        { line: { color: colour("--rater"), width: 1 }, legendgroup: "raters", showlegend: i === 0,
          hovertemplate: `${rater}: %{y:.3f}<extra></extra>` },
      ));
    }
    const said = [];
    data.targets.forEach((target, place) => {
      const axis = place === 0 ? "y" : "y2";
      const predictions = content[target].predictions[task];
      if (target === "E" && data.targets.includes("sigma") && predictions[fused]) {
        const sigma = content.sigma.predictions[task][fused] || [];
        const edge = (sign) => predictions[fused].map((e, i) =>
          e === null || sigma[i] === null || sigma[i] === undefined ? null : e + sign * Math.max(sigma[i], 0));
        const hidden = { line: { width: 0 }, hoverinfo: "skip", hovertemplate: undefined, legendgroup: "band" };
        line("predicted E ± σ", edge(-1), axis, { ...hidden, showlegend: false });
        line("predicted E ± σ", edge(1), axis, { ...hidden, fill: "tonexty", fillcolor: colour("--band") });
      }
      line("label", content[target].label, axis,
        { line: { color: colour("--text"), width: 2 }, legendgroup: "label", showlegend: place === 0 });
      for (const modality of data.modalities) {
        line(modality, predictions[modality], axis,
          { line: { color: colourOf(modality), width: modality === fused ? 2 : 1,
              dash: modality.includes("+") && modality !== fused ? "dash" : "solid" },
            legendgroup: modality, showlegend: place === 0 });
      }
      if (content[target].label && predictions[fused]) {
        const value = ccc(content[target].label, predictions[fused]);
        said.push(`${symbol[target]} ${Number.isNaN(value) ? "undefined" : value.toFixed(2).replace("-", "−")}`);
      }
    });
    const axis = (title, domain) => ({
      title: { text: title }, domain, gridcolor: colour("--line"), zeroline: false, automargin: true,
    });
    const both = data.targets.length > 1;
    Plotly.react(plot, traces, {
      height: 520,
      margin: { l: 60, r: 15, t: 10, b: 45 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--text"), family: "system-ui, sans-serif", size: 13 },
      hovermode: "x unified",
      hoverlabel: { bgcolor: colour("--page"), font: { color: colour("--text") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
      xaxis: { title: { text: "time [s]" }, gridcolor: colour("--line"), zeroline: false,
        anchor: both ? "y2" : "y" },
      yaxis: axis(`${dimension} E`, both ? [0.42, 1] : [0, 1]),
      ...(both ? { yaxis2: axis(`${dimension} σ`, [0, 0.36]) } : {}),
      uirevision: `${recording.name}`,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--text") },
    }, { displaylogo: false, responsive: true, displayModeBar: innerWidth > 600,
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] });
    spoken.textContent =
      `${recording.name} (${recording.partition}), ${dimension}, ${task}: CCC of ${fused} with the label over ` +
      `the frames shown: ${said.join(", ")}.`;
  };

  // A link to #trace/RECORDING/DIMENSION/TASK shows these traces.
  const follow = () => {
    const [kind, name, dimension, task] = location.hash.slice(1).split("/").map(decodeURIComponent);
    const place = data.recordings.findIndex((r) => r.name === name);
    if (kind !== "trace" || place < 0) return;
    form.elements.recording.value = place;
    if (data.dimensions.includes(dimension)) form.elements.dimension.value = dimension;
    if (data.tasks.includes(task)) form.elements.task.value = task;
    draw();
    document.getElementById("traces").scrollIntoView();
  };

  form.addEventListener("change", draw);
  addEventListener("hashchange", follow);
  form.addEventListener("submit", (event) => event.preventDefault());
  dark.addEventListener("change", draw);
  draw();
  follow();
})();
