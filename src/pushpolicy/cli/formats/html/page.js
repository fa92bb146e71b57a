"use strict";
// Filtering and sorting of long tables; the page says everything without it.
for (const table of document.querySelectorAll("table.wide")) {
  const body = table.tBodies[0], rows = [...body.rows], all = rows.length;
  if (all < 5) continue;
  const bar = document.createElement("p"), label = document.createElement("label");
  const input = document.createElement("input"), told = document.createElement("span");
  bar.className = "filter";
  label.textContent = "Only rows with ";
  input.type = "search";
  told.setAttribute("role", "status");
  label.append(input);
  bar.append(label, told);
  table.before(bar);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += !row.hidden;
    }
    told.textContent = wanted ? `${shown} of ${all} rows` : "";
  });
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    if (!head.textContent) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[place].textContent;
      rows.sort((a, b) => key(a).localeCompare(key(b), "en", { numeric: true }) * (down ? -1 : 1));
      body.append(...rows);
    });
  });
}
