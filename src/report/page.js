// Makes the tables of codes sortable; without scripts they keep their order.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const number = (text) => (text === "–" ? -1 : Number(text.replaceAll(",", "")));
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") !== "descending" && column > 0;
      const ascendingNow = column === 0 && heading.getAttribute("aria-sort") === "ascending";
      const sign = descending || ascendingNow ? -1 : 1;
      const value = (row) => row.cells[column].textContent;
      const rows = [...body.rows].sort((a, b) =>
        sign * (column === 0 ? value(a).localeCompare(value(b), "en") : number(value(a)) - number(value(b))),
      );
      body.append(...rows);
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
    });
  });
}
