// Light and dark, folds that links lead into, and where one is in the contents.

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const kept = {
  // A local file may have no storage.
  read() { try { return localStorage.getItem("icdbench-theme"); } catch { return null; } },
  write(theme) { try { localStorage.setItem("icdbench-theme", theme); } catch { /* for this visit only */ } },
};
const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
const themes = make("button", { type: "button", className: "switch" });
const named = () => (themes.textContent = isDark() ? "Light colours" : "Dark colours");
if (["light", "dark"].includes(kept.read())) root.dataset.theme = kept.read();
themes.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  kept.write(root.dataset.theme);
  named();
});
system.addEventListener("change", named);
named();
const header = document.querySelector("main header");
header.append(themes);
if (document.querySelector("a.to, .tip")) {
  header.append(make("p", {
    className: "hint",
    textContent: "Every number leads to the records it was made from. In tables and plots the arrow keys go from one number or point to the next; headings sort.",
  }));
}

const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target?.closest(".records")) return;
  const fold = target.closest("details");
  if (fold) fold.open = true;
  target.tabIndex = -1;
  (fold ?? target).scrollIntoView({ block: "start" });
  target.focus({ preventScroll: true });
};
addEventListener("hashchange", open);
// The link that was followed last changes no address.
addEventListener("click", (event) => event.target.closest?.("a.to")?.hash === location.hash && open());
if (location.hash) open();

const entries = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const seen = new Set();
const watch = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) seen[isIntersecting ? "add" : "delete"](target.id);
  let first = true;
  for (const [anchor, link] of entries) {
    if (first && seen.has(anchor)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    first &&= !seen.has(anchor);
  }
});
document.querySelectorAll("main > section").forEach((section) => watch.observe(section));
