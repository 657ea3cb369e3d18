// The values at the points of plots, for a pointer, a finger or the keyboard.

const tooltip = make("div", { className: "tooltip", hidden: true });
// A screen reader has the words from the point itself.
tooltip.setAttribute("aria-hidden", "true");
document.body.append(tooltip);
let pointed = null;

const hide = () => {
  pointed?.classList.remove("shown");
  pointed = null;
  tooltip.hidden = true;
};
const show = (tip) => {
  if (tip === pointed) return;
  hide();
  pointed = tip;
  tip.classList.add("shown");
  const text = tip.getAttribute("aria-label");
  const end = text.indexOf(": ");
  const lines = text.slice(end < 0 ? 0 : end + 2).split("; ");
  const parts = lines.map((line) => make("span", { textContent: line }));
  tooltip.replaceChildren(make("strong", { textContent: end < 0 ? "" : text.slice(0, end) }), ...parts);
  tooltip.hidden = false;
  place();
};
const place = () => {
  const [at, box] = [pointed.getBoundingClientRect(), tooltip.getBoundingClientRect()];
  const left = Math.min(Math.max(12, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 12);
  const above = at.top - box.height - 8;
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${above > 8 ? above : at.bottom + 8}px`;
};

for (const plot of document.querySelectorAll("figure svg")) {
  const tips = [...plot.querySelectorAll(".tip")];
  if (!tips.length) continue;
  for (const [index, tip] of tips.entries()) {
    const title = tip.querySelector("title");
    tip.setAttribute("aria-label", title.textContent);
    title.remove();
    tip.setAttribute("tabindex", index ? "-1" : "0");
    tip.addEventListener("focus", () => show(tip));
    tip.addEventListener("blur", hide);
  }
  const REACH = 16;
  plot.addEventListener("pointermove", (event) => {
    let [nearest, least] = [null, REACH];
    for (const tip of tips) {
      const box = tip.getBoundingClientRect();
      const distance = Math.hypot(box.left + box.width / 2 - event.clientX, box.top + box.height / 2 - event.clientY);
      if (distance < least) [nearest, least] = [tip, distance];
    }
    if (nearest) show(nearest);
    else if (pointed !== document.activeElement) hide();
  });
  plot.addEventListener("pointerleave", () => pointed !== document.activeElement && hide());
  plot.addEventListener("keydown", (event) => {
    const from = tips.indexOf(event.target);
    const to = { ArrowRight: from + 1, ArrowDown: from + 1, ArrowLeft: from - 1, ArrowUp: from - 1, Home: 0, End: tips.length - 1 };
    const tip = tips[to[event.key]];
    if (from < 0 || !(event.key in to)) return;
    event.preventDefault();
    if (!tip) return;
    tips.forEach((other) => other.setAttribute("tabindex", other === tip ? "0" : "-1"));
    tip.focus();
  });
}
addEventListener("keydown", (event) => event.key === "Escape" && hide());
// What a point in focus says goes along with it: a browser brings the point into view after it has told of the focus.
const follow = () => pointed && (pointed === document.activeElement ? place() : hide());
addEventListener("scroll", follow, { capture: true, passive: true });
