// Interactive traces of the report, drawn from the JSON in the page. A page that "softaer view"
// serves also shows the recording's picture at the cursor and plays it. No other request is made.
"use strict";
(() => {
  const element = (name) => document.getElementById(`explorer-${name}`);
  const data = JSON.parse(element("data").textContent);
  const served = JSON.parse(element("media").textContent);
  const form = element("controls");
  const [plot, line, strip, spoken] = ["plot", "cursor", "strip", "summary"].map(element);
  const [moment, video, caption, link] = ["moment", "video", "time", "link"].map(element);
  const still = new Image();
  still.alt = "the moment at the cursor";
  video.after(still);
  const fused = data.modalities[data.modalities.length - 1];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const symbol = { E: "E", sigma: "σ" };
  const MISSING = 65535;  // in packed series
  const FRAME = 0.1;      // [s]
  const NARROW = 600;     // [pixel]
  const PICTURE = 96;     // width of a picture in the strip [pixel]

  const fill = (name, entries) => {
    for (const [value, text] of entries) form.elements[name].add(new Option(text, value));
  };
  fill("recording", data.recordings.map((r, i) => [i, r.partition ? `${r.name} (${r.partition})` : r.name]));
  fill("dimension", data.dimensions.map((d) => [d, d]));
  fill("task", data.tasks.map((t) => [t, t]));
  // What leaves no choice is not shown.
  for (const name of ["dimension", "task"]) {
    form.elements[name].parentElement.hidden = form.elements[name].length < 2;
  }
  form.elements.raters.parentElement.hidden = data.recordings.every((r) =>
    Object.values(r.dimensions).every((d) => !Object.keys(d.raters).length));
  form.elements.task.value = data.tasks[data.tasks.length - 1];

  const recording = () => data.recordings[Number(form.elements.recording.value)];
  const seconds = () => recording().frames / (data.rate * data.every);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colourOf = (modality) => colour(modality.includes("+") ? "--fusion" : `--of-${modality}`);
  const within = (value, low, high) => Math.min(Math.max(value, low), high);

  // Values of a packed series, null where they are missing.
  const unpacked = new WeakMap();
  const values = (packed) => {
    if (!packed) return null;
    if (!unpacked.has(packed)) {
      const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
      const steps = new Uint16Array(bytes.buffer);
      unpacked.set(packed, Array.from(steps, (n) => n === MISSING ? null : packed.low + n * packed.step));
    }
    return unpacked.get(packed);
  };

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

  // Range of an axis: that of all values of the recording, whichever of them are shown.
  const reach = (series) => {
    let [low, high] = [Infinity, -Infinity];
    for (const some of series) {
      for (const value of some || []) {
        if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
      }
    }
    if (low > high) return [-1, 1];
    const edge = 0.05 * (high - low) || 0.1;
    return [low - edge, high + edge];
  };

  // Stretches without features of a modality.
  const gaps = () => Object.entries(recording().gaps).filter(([, some]) => some.length);
  const marks = () => gaps().flatMap(([modality, some]) => some.map(([start, end]) => ({
    type: "rect", layer: "below", xref: "x", yref: "paper", x0: start, x1: end, y0: 0, y1: 1,
    line: { width: 0 }, fillcolor: colourOf(modality), opacity: 0.18,
  })));
  const names = () => gaps().flatMap(([modality, some]) => some
    .filter(([start, end]) => end - start > 0.04 * seconds())
    .map(([start]) => ({
      text: `no ${modality}`, x: start, y: 1, xref: "x", yref: "paper", xanchor: "left", yanchor: "top",
      showarrow: false, font: { size: 11, color: colourOf(modality) },
    })));

  const draw = () => {
    const dimension = form.elements.dimension.value;
    const task = form.elements.task.value;
    const content = recording().dimensions[dimension];
    const raters = Object.entries(content.raters).map(([rater, packed]) => [rater, values(packed)]);
    const count = Math.ceil(recording().frames / data.every);
    const time = Array.from({ length: count }, (_, i) => Math.round(1000 * i / data.rate) / 1000);
    const traces = [];
    const add = (name, series, axis, options) => {
      if (!series) return;
      traces.push({ type: "scatter", mode: "lines", x: time, y: series, yaxis: axis, name,
        hovertemplate: "%{y:.3f}", connectgaps: false, ...options });
    };
    if (form.elements.raters.checked) {
      raters.forEach(([rater, series], i) => add(
        "raters", series, "y",
        { line: { color: colour("--rater"), width: 1 }, legendgroup: "raters", showlegend: i === 0,
          hovertemplate: `${rater}: %{y:.3f}<extra></extra>` },
      ));
    }
    const said = [];
    const ranges = {};
    data.targets.forEach((target, place) => {
      const axis = place === 0 ? "y" : "y2";
      const label = values(content[target].label);
      const predictions = {};
      for (const modality of data.modalities) {
        predictions[modality] = values(content[target].predictions[task][modality]);
      }
      const shown = [label, ...Object.values(predictions)];
      if (target === "E") shown.push(...raters.map((r) => r[1]));
      if (target === "E" && data.targets.includes("sigma") && predictions[fused]) {
        const sigma = values(content.sigma.predictions[task][fused]) || [];
        const edge = (sign) => predictions[fused].map((e, i) =>
          e === null || sigma[i] === null || sigma[i] === undefined ? null : e + sign * Math.max(sigma[i], 0));
        shown.push(edge(-1), edge(1));
        const hidden = { line: { width: 0 }, hoverinfo: "skip", hovertemplate: undefined, legendgroup: "band" };
        add("predicted E ± σ", edge(-1), axis, { ...hidden, showlegend: false });
        add("predicted E ± σ", edge(1), axis, { ...hidden, fill: "tonexty", fillcolor: colour("--band") });
      }
      ranges[target] = reach(shown);
      add("label", label, axis,
        { line: { color: colour("--text"), width: 2 }, legendgroup: "label", showlegend: place === 0 });
      for (const modality of data.modalities) {
        add(modality, predictions[modality], axis,
          { line: { color: colourOf(modality), width: modality === fused ? 2 : 1,
              dash: modality.includes("+") && modality !== fused ? "dash" : "solid" },
            legendgroup: modality, showlegend: place === 0 });
      }
      if (label && predictions[fused]) {
        const value = ccc(label, predictions[fused]);
        said.push(`${symbol[target]} ${Number.isNaN(value) ? "undefined" : value.toFixed(2).replace("-", "−")}`);
      }
    });
    const axis = (target, domain) => ({
      title: { text: `${dimension} ${symbol[target]}` }, domain, range: ranges[target],
      uirevision: `${recording().name} ${dimension}`, gridcolor: colour("--line"), zeroline: false, automargin: true,
    });
    const both = data.targets.length > 1;
    Plotly.react(plot, traces, {
      margin: { l: 60, r: 15, t: 10, b: 45 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--text"), family: "system-ui, sans-serif", size: 13 },
      hovermode: "x unified",
      hoverlabel: { bgcolor: colour("--page"), font: { color: colour("--text") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
      shapes: marks(),
      annotations: names(),
      xaxis: { title: { text: "time [s]" }, gridcolor: colour("--line"), zeroline: false,
        range: [0, seconds()], anchor: both ? "y2" : "y" },
      yaxis: axis(data.targets[0], both ? [0.42, 1] : [0, 1]),
      ...(both ? { yaxis2: axis(data.targets[1], [0, 0.36]) } : {}),
      uirevision: recording().name,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--text") },
    }, { displaylogo: false, responsive: true, displayModeBar: innerWidth > NARROW,
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]] });
    const missing = gaps().map(([modality, some]) => {
      const all = some.reduce((sum, [start, end]) => sum + end - start, 0);
      return ` No ${modality} in ${all.toFixed(1)} s of it.`;
    });
    const words = [`${recording().name}${recording().partition ? ` (${recording().partition})` : ""}`, dimension];
    if (data.tasks.length > 1) words.push(task);
    spoken.textContent = words.join(", ") + (said.length
      ? `: CCC of ${fused} with the label over the frames shown: ${said.join(", ")}.` : ".") +
      missing.join("") + (recording().notes || []).map((note) => ` ${note}`).join("");
  };

  // The cursor, and the picture of its moment or of the moment under the pointer.

  let cursor = 0;          // [s]
  let pointed = null;      // [s], or null: the pointer is elsewhere
  let asked = 0;           // number of the recording's media that were asked for last
  let about = null;        // what the server says of them
  const axis = () => plot._fullLayout.xaxis;
  const address = (what) => `/${served.page}/${what}/${encodeURIComponent(recording().name)}`;
  const here = () => served !== null && served.here.includes(recording().name);
  const watched = () => !video.paused && !video.ended;
  const loaded = () => video.getAttribute("src") !== null && video.readyState > 0;

  const shownTime = () => pointed !== null && !watched() ? pointed : cursor;

  const place = () => {
    caption.textContent = `${shownTime().toFixed(1)} s`;
    const x = axis().l2p(cursor);
    line.hidden = x < 0 || x > axis()._length;
    line.style.left = `${axis()._offset + x}px`;
  };

  // The embedded picture that is nearest to a time.
  const embedded = (time) => {
    const some = recording().pictures || [];
    if (!some.length) return null;
    const nearest = some.reduce((a, b) => Math.abs(b[0] - time) < Math.abs(a[0] - time) ? b : a);
    return `data:image/jpeg;base64,${nearest[1]}`;
  };
  const picture = (time) => here() ? `${address("frame")}?t=${time.toFixed(2)}` : embedded(time);

  // One request at a time; the last moment that was asked for wins.
  let next = null;
  const showStill = (time) => {
    const source = picture(time);
    if (source === null || still.getAttribute("src") === source) return;
    if (still.getAttribute("src") !== null && !still.complete) { next = time; return; }
    next = null;
    still.src = source;
  };
  const again = () => { if (next !== null) showStill(next); };
  still.addEventListener("load", again);
  still.addEventListener("error", again);

  let sought = null;
  const seek = (time) => {
    if (video.seeking) { sought = time; return; }
    sought = null;
    video.currentTime = time;
  };
  video.addEventListener("seeked", () => { if (sought !== null) seek(sought); });

  const look = () => {
    place();
    if (watched()) return;
    if (loaded()) seek(shownTime());
    else if (!here() || (about && about.pictures)) showStill(shownTime());
  };

  const tell = (words) => { element("said").textContent = words; };

  const openMedia = async () => {
    const mine = ++asked;
    about = null;
    video.pause();
    video.removeAttribute("src");
    video.load();
    still.removeAttribute("src");
    next = sought = null;
    video.hidden = true;
    still.hidden = !(recording().pictures || []).length;
    form.elements.play.hidden = !here();
    moment.hidden = !here() && still.hidden;
    tell("");
    if (served !== null && !here()) {
      tell(`No picture or sound: ${served.absent[recording().name] || served.absent[""] || "not at hand"}.`);
    }
    if (!here()) return;
    let [told, refused] = [null, "softaer view has ended"];
    try {
      const answer = await fetch(address("about"));
      if (answer.ok) told = await answer.json();
      else refused = await answer.text();
    } catch (error) { /* the server is gone */ }
    if (mine !== asked) return;
    if (told === null) { moment.hidden = true; tell(`No picture or sound: ${refused}.`); return; }
    about = told;
    if (about.plays) video.src = address("media");
    still.hidden = !about.pictures || about.plays;
    video.hidden = !about.plays;
    video.classList.toggle("heard", !about.pictures);
    look();
    fillStrip();
  };
  video.addEventListener("loadedmetadata", look);
  video.addEventListener("loadeddata", () => {
    video.hidden = false;
    still.hidden = true;
    if (element("said").dataset.waiting) { delete element("said").dataset.waiting; tell(""); }
  });
  video.addEventListener("error", () => {
    if (video.getAttribute("src") === null) return;
    // The file is not one that this browser plays: a film is made of it when it is asked for.
    const film = video.getAttribute("src") === address("film");
    video.removeAttribute("src");
    video.hidden = true;
    still.hidden = !about || !about.pictures;
    if (about) about.plays = false;
    if (film) tell("The recording cannot be played.");
    look();
  });

  const follows = () => {
    if (!watched()) return;
    cursor = within(video.currentTime, 0, seconds());
    place();
    requestAnimationFrame(follows);
  };
  const shown = () => { form.elements.play.textContent = watched() ? "pause" : "play"; };
  video.addEventListener("play", () => { shown(); follows(); });
  // At its end, a film pauses as well. Nothing seeks here, which would end it again.
  video.addEventListener("pause", () => { shown(); if (loaded()) set(video.currentTime); });

  const play = async () => {
    if (!here() || about === null) return;
    if (watched()) { video.pause(); return; }
    if (video.getAttribute("src") === null) {
      video.src = address("film");
      element("said").dataset.waiting = "yes";
      tell("This takes a moment: a film that a browser can play is being made.");
    }
    const start = cursor < seconds() - FRAME ? cursor : 0;
    pointed = null;
    const ready = new Promise((resolve, reject) => {
      video.addEventListener("canplay", resolve, { once: true });
      video.addEventListener("error", reject, { once: true });
    });
    try {
      if (video.readyState < 3) await ready;
      video.currentTime = start;
      await video.play();
    } catch (error) {
      shown();
    }
  };

  const named = () => ["trace", recording().name, form.elements.dimension.value, form.elements.task.value,
    cursor.toFixed(1)].map(encodeURIComponent).join("/");
  const name = () => {
    link.href = `#${named()}`;
    link.textContent = `link to ${cursor.toFixed(1)} s`;
  };
  const set = (time) => {
    cursor = within(time, 0, seconds());
    place();
    name();
    history.replaceState(null, "", link.href);
  };
  const go = (time) => { set(time); look(); };

  // Frames beside the traces: a strip over the part of the time that is shown.
  let waiting = null;
  const fillStrip = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const [start, end] = axis().range.map((t) => within(t, 0, seconds()));
      const some = end > start && (here() ? about && about.pictures : embedded(0) !== null);
      strip.hidden = !some;
      if (!some) { strip.replaceChildren(); return; }
      strip.style.marginLeft = `${axis()._offset}px`;
      strip.style.width = `${axis()._length}px`;
      const count = Math.max(2, Math.floor(axis()._length / PICTURE));
      strip.replaceChildren(...Array.from({ length: count }, (_, i) => {
        const time = start + (end - start) * (i + 0.5) / count;
        const image = new Image();
        image.alt = `${time.toFixed(1)} s`;
        image.title = image.alt;
        image.src = picture(time);
        image.addEventListener("click", () => go(time));
        return image;
      }));
    }, 150);
  };

  const zoom = (factor) => {
    const [start, end] = axis().range;
    const width = within((end - start) * factor, 10 * FRAME, seconds());
    const low = within(cursor - width / 2, 0, seconds() - width);
    Plotly.relayout(plot, { "xaxis.range": [low, low + width] });
  };
  const turn = (steps) => {
    const place = Number(form.elements.recording.value) + steps;
    if (place < 0 || place >= data.recordings.length) return;
    form.elements.recording.value = place;
    change();
  };
  const keys = {
    ArrowLeft: (event) => go(cursor - (event.shiftKey ? 1 : FRAME)),
    ArrowRight: (event) => go(cursor + (event.shiftKey ? 1 : FRAME)),
    Home: () => go(0),
    End: () => go(seconds()),
    " ": play,
    "+": () => zoom(0.5),
    "-": () => zoom(2),
    0: () => Plotly.relayout(plot, { "xaxis.range": [0, seconds()] }),
    PageUp: () => turn(-1),
    PageDown: () => turn(1),
  };
  plot.addEventListener("keydown", (event) => {
    const action = keys[event.key === "=" ? "+" : event.key];
    if (!action || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (watched() && action !== play) video.pause();
    action(event);
  });
  plot.addEventListener("pointermove", (event) => {
    const x = event.clientX - plot.getBoundingClientRect().left - axis()._offset;
    const inside = x >= 0 && x <= axis()._length;
    pointed = inside ? within(axis().p2l(x), 0, seconds()) : null;
    if (!watched()) look();
  });
  plot.addEventListener("pointerleave", () => { pointed = null; look(); });

  let last = null;         // recording that was shown before
  const change = () => {
    const other = recording() !== last;
    last = recording();
    if (other) cursor = 0;
    draw();
    if (other) openMedia();
    look();
    name();
  };

  const decoded = (word) => {
    try { return decodeURIComponent(word); } catch (error) { return word; }
  };

  // A link to #trace/RECORDING/DIMENSION/TASK/SECONDS shows these traces and that moment.
  const follow = () => {
    const [kind, name, dimension, task, time] = location.hash.slice(1).split("/").map(decoded);
    const place = data.recordings.findIndex((r) => r.name === name);
    if (kind !== "trace" || place < 0) return;
    form.elements.recording.value = place;
    if (data.dimensions.includes(dimension)) form.elements.dimension.value = dimension;
    if (data.tasks.includes(task)) form.elements.task.value = task;
    change();
    if (Number.isFinite(parseFloat(time))) go(parseFloat(time));
    document.getElementById("traces").scrollIntoView();
  };

  form.addEventListener("change", change);
  form.elements.play.addEventListener("click", play);
  addEventListener("hashchange", follow);
  form.addEventListener("submit", (event) => event.preventDefault());
  dark.addEventListener("change", draw);
  change();
  new ResizeObserver(() => Plotly.Plots.resize(plot)).observe(plot.parentElement);
  plot.on("plotly_click", (event) => { if (watched()) video.pause(); go(event.points[0].x); });
  plot.on("plotly_afterplot", () => { place(); fillStrip(); });
  fillStrip();
  follow();
})();
