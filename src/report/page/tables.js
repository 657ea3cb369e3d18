"use strict";
// Tables: sorted by a column, filtered by a row's words, copied. Without scripts they stand as they are.

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const status = make("div", { className: "unseen" });
status.setAttribute("role", "status");
document.querySelector("main").append(status);

const copy = async (text, button) => {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Some browsers give a local file no clipboard.
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const { label, caption } = button.dataset;
  const named = (text) => {
    button.textContent = text;
    button.setAttribute("aria-label", `${text}: ${caption}`);
  };
  named(done ? "Copied" : "Not copied");
  status.textContent = done ? `${label}: done` : "The browser refused to copy";
  setTimeout(() => named(label), 1600);
};

// A field that a spreadsheet would run gets an apostrophe before it, as in the report's own files.
const csvField = (text) => {
  const safe = /^[=+\-@\t\r]/.test(text) && !Number.isFinite(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const csv = (rows) => rows.map((row) => row.map(csvField).join(",") + "\n").join("");

// What is read of a cell: its words without the numbers of notes.
const words = (cell) => {
  const found = [...cell.childNodes].filter((node) => node.nodeName !== "SUP");
  return found.map((node) => node.textContent).join("").trim();
};
const number = (text) => {
  const found = text.replaceAll(",", "").replace("−", "-").match(/^[+-]?\d+(\.\d+)?/);
  return found ? Number(found[0]) : null;
};
const collator = new Intl.Collator("en", { numeric: true });

// The cells of a row by column: one that spans several stands in each of them.
const expanded = (row) => [...row.cells].flatMap((cell) => Array(cell.colSpan).fill(cell));

// Numbers first, then words; the empty ones stay behind in both directions.
const inOrder = (sign) => (one, other) => {
  const kind = (text) => (text === "" || text === "–" ? 2 : number(text) === null ? 1 : 0);
  const kinds = kind(one) - kind(other);
  if (kinds !== 0) return kinds;
  const [a, b] = [number(one), number(other)];
  return sign * ((kind(one) === 0 ? a - b : 0) || collator.compare(one, other));
};

// Makes a heading sort: `apply` gets the column and 1, -1, or 0 for the order of the page.
const sortable = (headings, numeric, apply) => {
  headings.forEach((heading, column) => {
    const button = make("button", { type: "button" }, ...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const order = numeric(column) ? ["descending", "ascending", null] : ["ascending", "descending", null];
      const next = order[(order.indexOf(heading.getAttribute("aria-sort")) + 1) % 3];
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) heading.setAttribute("aria-sort", next);
      apply(column, next === "descending" ? -1 : next ? 1 : 0);
    });
  });
};

const tools = (caption, filter, buttons) => {
  const bar = make("div", { className: "tools" });
  const found = make("span", { className: "found" });
  found.setAttribute("role", "status");
  if (filter) {
    const input = make("input", { type: "search", autocomplete: "off" });
    input.setAttribute("aria-label", `Filter rows: ${caption}`);
    input.addEventListener("input", () => {
      const asked = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      found.textContent = filter(asked);
    });
    bar.append(make("label", {}, make("span", { textContent: "Filter" }), input));
  }
  bar.append(found);
  for (const [label, text] of buttons) {
    const button = make("button", { type: "button", textContent: label });
    Object.assign(button.dataset, { label, caption });
    button.setAttribute("aria-label", `${label}: ${caption}`);
    button.addEventListener("click", () => copy(text(), button));
    bar.append(button);
  }
  return bar;
};

// One stop of the tabulator key a table: from there the arrow keys go from number to number.
const oneStop = (table) => {
  const links = () => [...table.querySelectorAll("a.to")].filter((link) => !link.closest("tr").hidden);
  const stopAt = (stop) => table.querySelectorAll("a.to").forEach((link) => (link.tabIndex = link === stop ? 0 : -1));
  table.addEventListener("keydown", (event) => {
    const link = event.target.closest?.("a.to");
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!link || !step) return;
    event.preventDefault();
    const { cellIndex } = link.closest("td");
    const inLine = event.key === "ArrowDown" || event.key === "ArrowUp";
    const way = inLine ? links().filter((other) => other.closest("td").cellIndex === cellIndex) : links();
    way[way.indexOf(link) + step]?.focus();
  });
  table.addEventListener("focusin", ({ target }) => target.matches("a.to") && stopAt(target));
  const refresh = () => stopAt(links()[0]);
  refresh();
  return refresh;
};

const latexOf = JSON.parse(document.querySelector(".latex-data").textContent);

for (const table of document.querySelectorAll("main table:not(.of-codes)")) {
  const caption = table.caption.textContent;
  const refresh = oneStop(table);
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => !row.classList.contains("group"));
  const place = new Map(rows.map((row, index) => [row, index]));
  const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const text = (row, column) => words(expanded(row)[column] ?? row.cells[0]);

  sortable(
    headings,
    (column) => rows.some((row) => number(text(row, column)) !== null),
    (column, sign) => {
      const order = inOrder(sign);
      for (const body of table.tBodies) {
        const own = [...body.rows].filter((row) => place.has(row));
        own.sort((a, b) => (sign && order(text(a, column), text(b, column))) || place.get(a) - place.get(b));
        body.append(...own);
      }
    },
  );

  const labels = (row) => {
    const own = [...row.cells].filter((cell) => cell.nodeName === "TH").map(words);
    return [row.parentNode.dataset.of ?? "", ...own].join(" ").toLowerCase();
  };
  const compared = rows.filter((row) => !row.classList.contains("reference"));
  const filter = (asked) => {
    compared.forEach((row) => (row.hidden = !asked.every((word) => labels(row).includes(word))));
    for (const group of table.querySelectorAll("tr.group")) {
      group.hidden = [...group.parentNode.rows].every((row) => row === group || row.hidden);
    }
    refresh();
    const shown = compared.filter((row) => !row.hidden).length;
    return asked.length ? `${shown} of ${compared.length} rows` : "";
  };

  const blocks = table.dataset.blocks;
  const asCsv = () => {
    const above = table.tHead.rows.length > 1 ? expanded(table.tHead.rows[0]) : [];
    const heading = (cell, column) => [above[column], cell].map((part) => (part ? words(part) : "")).filter(Boolean);
    const head = headings.map((cell, column) => heading(cell, column).join(", "));
    const shown = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => place.has(row) && !row.hidden);
    const line = (row) => [...(blocks ? [row.parentNode.dataset.of] : []), ...expanded(row).map(words)];
    return csv([[...(blocks ? [blocks] : []), ...head], ...shown.map(line)]);
  };
  const buttons = [["Copy CSV", asCsv]];
  if (latexOf[table.id]) buttons.push(["Copy LaTeX", () => latexOf[table.id]]);
  const region = table.closest(".scroll");
  region.before(tools(caption, compared.length > 3 ? filter : null, buttons));

}
