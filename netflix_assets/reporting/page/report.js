/* Draws the charts, and answers the filters. Everything that comes from data is put in as text, never as HTML. */
"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const root = document.documentElement;
  const report = JSON.parse($("report").textContent);
  const count = (number) => number.toLocaleString("en-US");
  const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  for (const input of document.querySelectorAll("[name=theme]")) {
    input.addEventListener("change", () => { root.dataset.theme = input.value; });
  }

  // ---- The movies: columns, best weighted score first; ratings and half-star sums are whole numbers.
  const packed = atob($("movies").textContent);
  const bytes = Uint8Array.from({ length: packed.length }, (_, i) => packed.charCodeAt(i));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const movies = await new Response(stream).json();
  const total = movies.title.length;
  const folded = movies.title.map(fold);
  const mean = (i) => movies.halves[i] / 2 / movies.ratings[i];
  const score = (i) => movies.score[i] / 1e5;
  const genresOf = (i) => movies.genreSets[movies.genres[i]].map((genre) => movies.genreNames[genre]);
  const movieRow = (i) => ({
    title: movies.title[i], year: movies.year[i], genres: genresOf(i).join(", "),
    ratings: movies.ratings[i], mean: mean(i), score: score(i),
  });

  // ---- The filters.
  const most = movies.ratings.reduce((a, b) => Math.max(a, b), 1);
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000].filter((n) => n <= most);
  $("f-least").max = String(steps.length - 1);
  const year = (id) => ($(id).value.trim() === "" ? null : Number($(id).value));

  function readFilters() {
    const least = steps[Number($("f-least").value)];
    const filters = {
      title: fold($("f-title").value.trim()), genre: $("f-genre").value, least, from: year("f-from"), to: year("f-to"),
    };
    filters.any = filters.title !== "" || filters.genre !== "" || least > 1 || filters.from !== null || filters.to !== null;
    return filters;
  }

  function select(filters) {
    const wanted = movies.genreSets.map((set) => filters.genre === "" || set.some((g) => movies.genreNames[g] === filters.genre));
    const dated = filters.from !== null || filters.to !== null;
    const from = filters.from ?? -Infinity;
    const to = filters.to ?? Infinity;
    const chosen = [];
    for (let i = 0; i < total; i++) {
      if (movies.ratings[i] < filters.least || !wanted[movies.genres[i]]) continue;
      if (dated && (movies.year[i] === null || movies.year[i] < from || movies.year[i] > to)) continue;
      if (filters.title !== "" && !folded[i].includes(filters.title)) continue;
      chosen.push(i);
    }
    return chosen;
  }

  // ---- What follows the filters: rows, finding (null where nothing is clear) and rows of the table.
  const those = (chosen) => (chosen.length === total ? "" : " of those selected");
  const follows = {
    popularity(chosen) {
      // One dot a place keeps 85,000 movies drawable, and their crowds visible. Places are 1/8 star high and, from
      // 10 ratings on, 1/16 decade wide; the dot is amid its movies. Of few movies, each is a dot.
      const each = chosen.length <= 1200;
      const places = new Map();
      chosen.forEach((i, position) => {
        const n = movies.ratings[i];
        const rank = position < report.best ? position + 1 : 0;
        const column = n <= 10 ? n : Math.round(Math.log10(n) * 16) + 1000;
        const key = rank || each ? -i - 1 : column * 64 + Math.round(mean(i) * 8);
        const place = places.get(key);
        if (place) {
          place.movies += 1;
          place.means += mean(i);
          place.logs += Math.log(n);
        } else {
          places.set(key, { first: i, movies: 1, rank, means: mean(i), logs: Math.log(n) });
        }
      });
      const rows = Array.from(places.values(), ({ first, movies: number, rank, means, logs }) => ({
        movies: number, rank, ratings: Math.exp(logs / number), mean: means / number,
        name: number === 1 ? movies.title[first] : `${count(number)} movies about here`,
        score: number === 1 ? score(first).toFixed(2) : `up to ${score(first).toFixed(2)}`,
      }));
      const few = chosen.filter((i) => movies.ratings[i] < report.few).length / chosen.length;
      const finding = few >= 0.2
        ? `${Math.floor(few * 100)}% of ${those(chosen) ? "the selected" : "all"} movies have fewer than ${report.few} ratings, so their means say little`
        : null;
      const byRatings = (a, b) => movies.ratings[b] - movies.ratings[a];
      const table = () => Array.from(chosen).sort(byRatings).slice(0, 100).map(movieRow);
      return { rows, finding, table, tableOf: chosen.length, order: "most rated first" };
    },
    best(chosen) {
      const rows = chosen.slice(0, report.shown).map((i, position) => ({
        ...movieRow(i), rank: position + 1, label: `${position + 1}. ${movies.title[i]}`,
      }));
      const [first, second] = chosen;
      let finding = null;
      if (chosen.length > 1 && movies.score[first] > movies.score[second]) {
        const above = chosen.filter((i) => mean(i) > mean(first)).length;
        const beaten = above === 0 ? "" : `, though ${above === 1 ? "1 movie has" : `${count(above)} have`} a higher raw mean`;
        finding = `${movies.title[first]} is best by weighted score${those(chosen)}${beaten}`;
      }
      return { rows, finding };
    },
    genres(chosen) {
      const sums = movies.genreNames.map((genre) => ({ genre, movies: 0, ratings: 0, stars: 0 }));
      for (const i of chosen) {
        for (const genre of movies.genreSets[movies.genres[i]]) {
          sums[genre].movies += 1;
          sums[genre].ratings += movies.ratings[i];
          sums[genre].stars += movies.halves[i] / 2;
        }
      }
      if (chosen.length === total) {
        const mart = new Map(report.genres.map(([genre, ratings, stars]) => [genre, { ratings, stars }]));
        for (const sum of sums) Object.assign(sum, mart.get(sum.genre));
      }
      const rows = sums.filter((sum) => sum.ratings > 0 && !report.notGenres.includes(sum.genre))
        .map((sum) => ({ ...sum, mean: sum.stars / sum.ratings }))
        .sort((a, b) => b.mean - a.mean || (a.genre < b.genre ? -1 : 1));
      const spoken = rows.filter((row) => row.ratings >= report.manyRatings && row.movies >= 10);
      let finding = null;
      if (spoken.length > 1 && spoken[0].mean > spoken[1].mean && spoken[0].mean - spoken.at(-1).mean >= 0.05) {
        const worst = spoken.at(-1);
        finding = `${spoken[0].genre} is rated best, ${(spoken[0].mean - worst.mean).toFixed(2)} stars above ${worst.genre}`;
        if (those(chosen)) finding += ", in the selected movies";
      }
      return { rows, finding };
    },
    releases(chosen) {
      const rated = new Map();
      for (const i of chosen) rated.set(movies.year[i], (rated.get(movies.year[i]) ?? 0) + 1);
      const whole = chosen.length === total;
      // New objects of named fields: Vega marks rows that it has seen, and takes copies of them for the same.
      const rows = charts.releases.rows.map((row) => ({
        year: row.year, all: row.all, rated: whole ? row.rated : rated.get(row.year) ?? 0,
      }));
      const top = rows.reduce((a, b) => Math.max(a, b.rated), 0);
      const peaks = rows.filter((row) => row.rated === top);
      const finding = top > 1 && peaks.length === 1
        ? `Most rated movies${those(chosen)} are from ${peaks[0].year}: ${count(top)}`
        : null;
      return { rows, finding };
    },
  };

  // ---- Tooltip: the field named `title` is its heading. Of a place, a chart tells the name only.
  const placeTold = (place) => ({
    title: place.name, Ratings: count(Math.round(place.ratings)), "Mean, stars": place.mean.toFixed(2),
    "Weighted score": place.score,
  });
  const tooltip = element("div");
  tooltip.id = "tooltip";
  tooltip.hidden = true;
  tooltip.setAttribute("aria-hidden", "true");
  document.body.append(tooltip);
  function showTooltip(_handler, event, item, value) {
    tooltip.hidden = value === null || value === undefined || value === "";
    if (tooltip.hidden) return;
    const told = typeof value === "string" ? placeTold(item.datum) : value;
    tooltip.replaceChildren(element("b", told.title));
    for (const [name, text] of Object.entries(told)) {
      if (name === "title") continue;
      const line = element("div", name);
      line.append(element("span", text));
      tooltip.append(line);
    }
    const { clientX: x, clientY: y } = event;
    const { offsetWidth: w, offsetHeight: h } = tooltip;
    tooltip.style.left = `${Math.max(6, x + 14 + w > innerWidth ? x - w - 14 : x + 14)}px`;
    tooltip.style.top = `${Math.max(6, y + 14 + h > innerHeight ? y - h - 14 : y + 14)}px`;
  }
  addEventListener("keydown", (event) => { if (event.key === "Escape") tooltip.hidden = true; });
  addEventListener("scroll", () => { tooltip.hidden = true; }, { passive: true });

  // ---- Cards: heading, chart and table.
  const charts = Object.fromEntries(report.cards.map((card) => [card.id, card]));
  const views = {};
  const formats = {
    text: (value) => (value === null ? "" : String(value)),
    year: (value) => (value === null ? "none" : String(value)),
    count, stars: (value) => value.toFixed(2), share: (value) => `${(value * 100).toFixed(1)}%`,
  };

  function fillTable(card) {
    const box = $(`table-${card.id}`);
    if (!box.parentElement.open) return;
    const { rows, tableOf, order } = card.shown;
    const table = card.shown.table?.() ?? rows;
    const made = element("table");
    const cut = tableOf > table.length ? `the first ${count(table.length)} of ${count(tableOf)}, ${order}` : plural(table.length, "row", "rows");
    made.append(element("caption", `${card.heading}: ${cut}`));
    const head = made.createTHead().insertRow();
    for (const column of card.columns) {
      const cell = element("th", column.title, column.format === "text" ? "" : "n");
      cell.scope = "col";
      head.append(cell);
    }
    const body = made.createTBody();
    for (const row of table) {
      const line = body.insertRow();
      for (const { field, format } of card.columns) {
        const cell = element("td", formats[format](row[field]), format === "text" ? "" : "n");
        if (format === "text") cell.dir = "auto";
        line.append(cell);
      }
    }
    box.replaceChildren(made);
  }

  async function show(card, shown, emptyText) {
    card.shown = shown;
    card.heading = shown.finding ?? card.subject;
    $(`heading-${card.id}`).textContent = card.heading;
    const chart = $(`chart-${card.id}`);
    if (shown.rows.length === 0) {
      views[card.id]?.finalize();
      delete views[card.id];
      chart.removeAttribute("role");
      chart.removeAttribute("aria-label");
      chart.replaceChildren(element("p", emptyText, "empty"));
    } else {
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", `${card.heading}. ${card.explanation} The data table below has the numbers.`);
      if (views[card.id]) await views[card.id].data("rows", shown.rows).runAsync();
      else views[card.id] = await draw(card, chart, shown.rows);
    }
    fillTable(card);
  }

  async function draw(card, chart, rows) {
    const config = structuredClone(report.theme);
    config.font = getComputedStyle(document.body).fontFamily;
    config.axis.labelLimit = Math.round(Math.min(280, chart.clientWidth * 0.48));
    const spec = { ...card.chart, datasets: { ...card.chart.datasets, rows } };
    // The interpreter (ast) is what lets the page forbid eval.
    const embedded = await vegaEmbed(chart, spec, {
      actions: false, ast: true, config, defaultStyle: false, renderer: "svg", tooltip: showTooltip,
    });
    return embedded.view;
  }

  function describe(filters, number) {
    $("f-least-shown").textContent = filters.least === 1 ? "1 rating" : `${count(filters.least)} ratings`;
    $("count").replaceChildren(element("b", count(number)), `of ${plural(total, "rated movie", "rated movies")}`);
    $("f-reset").disabled = !filters.any;
    document.body.classList.toggle("filtered", filters.any);
  }

  async function apply() {
    const filters = readFilters();
    const chosen = select(filters);
    describe(filters, chosen.length);
    for (const card of report.cards) {
      if (card.filtered) {
        const empty = total && !chosen.length ? "No rated movie matches the filters." : card.empty;
        await show(card, chosen.length ? follows[card.id](chosen) : { rows: [], finding: null }, empty);
      }
    }
  }

  // Answers one change at a time; of those that come meanwhile, only the newest counts.
  let answering = false;
  let waiting = false;
  async function changed() {
    waiting = true;
    if (answering) return;
    answering = true;
    while (waiting) {
      waiting = false;
      const asked = performance.now();
      await apply();
      root.dataset.answered = String(Math.round(performance.now() - asked));
    }
    answering = false;
  }
  $("filters").addEventListener("input", changed);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", () => setTimeout(changed));

  for (const card of report.cards) {
    $(`table-${card.id}`).parentElement.addEventListener("toggle", () => fillTable(card));
    if (!card.filtered) await show(card, { rows: card.rows, finding: card.finding }, card.empty);
  }
  await apply();
  root.dataset.ready = String(Math.round(performance.now()));
})();
