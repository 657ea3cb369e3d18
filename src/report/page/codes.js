// All codes in the place of the excerpt: the rows of one page stand in the table, whatever their number.

const PAGE = 50;
const percent = (tenths) => (tenths < 0 ? "–" : (tenths / 10).toFixed(1));
const grouped = (count) => count.toLocaleString("en-US");
const latexText = (text) =>
  text.replace(/[\\{}&%$#_~^]/g, (sign) => (sign === "\\" ? "\\textbackslash{}" : "~^".includes(sign) ? `\\${sign}{}` : `\\${sign}`));

for (const data of document.querySelectorAll(".codes-data")) {
  const table = document.getElementById(data.dataset.of);
  const { codes, training, gold, runs, anchors, latex, f1, chapters, chapter } = JSON.parse(data.textContent);
  const body = table.tBodies[0];
  const titles = ["code", "training notes", "gold notes", ...runs];
  const values = [codes, training, gold, ...f1];
  const all = codes.map((_, index) => index);
  const searched = codes.map((code, index) => `${code} ${chapters[chapter[index]] ?? ""}`.toLowerCase());
  let [shown, page, asked, column, sign] = [all, 0, [], 0, 0];

  const rowOf = (index) => {
    const head = make("th", { scope: "row", textContent: codes[index] });
    if (chapter[index] >= 0) head.title = chapters[chapter[index]];
    const row = make("tr", {}, head);
    for (const counts of [training, gold]) row.append(make("td", { textContent: grouped(counts[index]) }));
    for (const [run, of] of f1.entries()) {
      const text = percent(of[index]);
      const link = of[index] >= 0 && anchors[run];
      const cell = make("td", { className: of[index] < 0 ? "none" : "share" }, link ? make("a", { className: "to", textContent: text }) : text);
      if (link) cell.firstChild.setAttribute("href", `#${link}`);
      cell.style.setProperty("--share-width", `${text}%`);
      row.append(cell);
    }
    return row;
  };
  const onPage = () => shown.slice(page * PAGE, (page + 1) * PAGE);
  const asCsv = () =>
    csv([titles, ...shown.map((index) => [codes[index], `${training[index]}`, `${gold[index]}`, ...f1.map((of) => (of[index] < 0 ? "" : percent(of[index])))])]);
  const asLatex = () => {
    const line = (cells) => `${cells.join(" & ")} \\\\\n`;
    const rows = onPage().map((index) =>
      line([latexText(codes[index]), grouped(training[index]), grouped(gold[index]), ...f1.map((of) => percent(of[index]).replace("–", "--"))]),
    );
    const head = line(["code", "training notes", "gold notes", ...latex]);
    return `\\begin{tabular}{l${"r".repeat(titles.length - 1)}}\n\\toprule\n${head}\\midrule\n${rows.join("")}\\bottomrule\n\\end{tabular}\n`;
  };

  const bar = tools("F1 by code", (words) => ((asked = words), arrange()), [["Copy CSV", asCsv], ["Copy LaTeX", asLatex]]);
  const turn = (label, by) => {
    const button = make("button", { type: "button", textContent: label });
    button.addEventListener("click", () => ((page += by), draw()));
    return button;
  };
  const [before, after] = [turn("Previous", -1), turn("Next", 1)];
  const found = bar.querySelector(".found");
  found.after(before, after);
  if (all.length <= PAGE) [before, after].forEach((button) => (button.hidden = true));
  const region = table.closest(".scroll");
  const refresh = oneStop(table);
  region.before(bar);

  const draw = () => {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    body.replaceChildren(...onPage().map(rowOf));
    before.disabled = page === 0;
    after.disabled = page === pages - 1;
    const [from, to] = [page * PAGE + 1, Math.min((page + 1) * PAGE, shown.length)];
    const of = shown.length < all.length ? `${grouped(shown.length)} of ${grouped(all.length)} codes` : `${grouped(all.length)} codes`;
    found.textContent = shown.length ? `${grouped(from)}–${grouped(to)} of ${of}` : `none of ${grouped(all.length)} codes`;
    region.scrollTop = 0;
    refresh();
    return found.textContent;
  };
  const arrange = () => {
    shown = asked.length ? all.filter((index) => asked.every((word) => searched[index].includes(word))) : all;
    if (sign) {
      const of = values[column];
      const order = column
        ? // A run that has no F1 of a code has it neither first nor last, but behind all in both directions.
          (a, b) => (of[a] < 0) - (of[b] < 0) || sign * (of[a] - of[b]) || a - b
        : (a, b) => sign * collator.compare(of[a], of[b]) || a - b;
      shown = [...shown].sort(order);
    }
    page = 0;
    return draw();
  };
  sortable([...table.tHead.rows[0].cells], (of) => of > 0, (of, by) => ([column, sign] = [of, by], arrange()));
  const summary = table.closest("details").querySelector("summary");
  summary.textContent = `F1 (%) of all ${grouped(all.length)} codes`;
  arrange();
}
