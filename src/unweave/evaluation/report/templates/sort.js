// Click a column's head to sort its table. Groups stay apart; without this script nothing is lost.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const value = (row, n) => {
    const text = row.cells[n].firstChild?.textContent.trim().replace("−", "-") ?? "";
    const figure = parseFloat(text.replace("∞", "1e999").replace("<", ""));
    return n && text !== "–" ? (isNaN(figure) ? text : figure) : n ? null : text;
  };
  heads.forEach((head, n) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const up = head.ariaSort === "descending" || (!n && head.ariaSort !== "ascending");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.ariaSort = up ? "ascending" : "descending";
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
        rows.sort((a, b) => {
          const [x, y] = [value(a, n), value(b, n)];
          if (x === null || y === null) return (x === null) - (y === null);
          return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
        });
        body.append(...rows);
      }
    };
  });
}
