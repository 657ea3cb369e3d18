// Loads reports in headless Chromium and does what a reader does. Started by tests/browser.rs with one argument, a JSON file:
// where Chromium and the modules are, the pages, what must be found in them, and a folder for screenshots.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const asked = JSON.parse(readFileSync(process.argv[2], "utf8"));
const require = createRequire(join(asked.modules, "none.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const failures = [];
const check = (what, holds, found = "") => {
  if (!holds) failures.push(`${what}: ${typeof found === "string" ? found : JSON.stringify(found)}`);
};
const equal = (what, found, expected) =>
  check(what, JSON.stringify(found) === JSON.stringify(expected), `found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);

const browser = await chromium.launch({
  executablePath: asked.chromium,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// A page of its own; whatever it loads beside its file, logs as an error or asks is a failure.
const visit = async (file, options = {}, hash = "") => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => void (window.copied = text) } });
  });
  const address = pathToFileURL(file).href;
  page.on("request", (request) => check("loads nothing but itself", request.url().split("#")[0] === address, request.url()));
  page.on("console", (message) => check("logs no error", !["error", "warning"].includes(message.type()), message.text()));
  page.on("pageerror", (error) => check("throws nothing", false, String(error)));
  page.on("dialog", (dialog) => (check("asks nothing", false, dialog.message()), dialog.dismiss()));
  await page.goto(address + hash);
  return page;
};

const column = (page, table, index) =>
  page.$$eval(`#${table} tbody tr:not(.group):not(.reference):not([hidden])`, (rows, index) => rows.map((row) => row.cells[index].textContent.trim()), index);
const labels = (page, table) => column(page, table, 0);
const beside = (point, said, reach) =>
  Math.min(Math.abs(said.y + said.height - point.y), Math.abs(said.y - point.y - point.height)) < reach;
const bar = (page, table) => page.locator(`.tools:has(+ .scroll #${table})`);

// Whether something becomes true that a browser does a little later, such as to follow a link.
const soon = (page, holds, asked) => page.waitForFunction(holds, asked, { timeout: 20000 }).then(() => true, () => false);

const accessible = async (page, what, part = "html") => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((part) => globalThis.axe.run(part), part);
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  check(`axe, ${what}`, grave.length === 0, grave.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html)}`).join("\n"));
};

const steps = {
  async sorts(page) {
    const { table, index, descending } = asked.sort;
    const before = await labels(page, table);
    const heading = page.locator(`#${table} thead tr:last-child th`).nth(index);
    await heading.locator("button").click();
    equal("a click on a heading sorts, greatest first", await labels(page, table), descending);
    equal("and says so", await heading.getAttribute("aria-sort"), "descending");
    await heading.locator("button").press("Enter");
    equal("a second one turns the order", await labels(page, table), [...descending].reverse());
    await heading.locator("button").press("Enter");
    equal("a third one gives the page's own", await labels(page, table), before);
    check("which is another", JSON.stringify(before) !== JSON.stringify(descending), before);
  },
  async sorts_inside_blocks(page) {
    await page.locator("#scores thead tr:last-child th").nth(1).locator("button").click();
    const blocks = await page.$$eval("#scores tbody[data-of]", (bodies) =>
      bodies.map((body) => [body.dataset.of, ...[...body.rows].filter((row) => row.className === "").map((row) => row.cells[0].textContent.trim())]),
    );
    equal("a table in blocks is sorted block by block", blocks.slice(0, asked.blocks.length), asked.blocks);
  },
  async filters(page) {
    const all = await labels(page, "scores");
    await bar(page, "scores").locator("input").fill("BERT long 512");
    equal("a filter leaves the rows with its words", await labels(page, "scores"), ["long_bert"]);
    equal("and says how many", await bar(page, "scores").locator(".found").textContent(), `1 of ${all.length} rows`);
    await bar(page, "scores").locator("input").fill("");
    equal("an empty one all", await labels(page, "scores"), all);
  },
  async hovers(page) {
    const { label, value } = asked.hover;
    const tip = page.locator(`.tip[aria-label^="${label}"]`).first();
    await tip.scrollIntoViewIfNeeded();
    // While the page moves, what a point says that is not in focus is hidden.
    await page.evaluate(() => new Promise((done) => {
      const look = (before) => (scrollY === before ? done() : setTimeout(() => look(scrollY), 100));
      setTimeout(() => look(scrollY), 100);
    }));
    const box = await tip.boundingBox();
    check("nothing is said of no point", await page.locator(".tooltip").isHidden());
    await page.mouse.move(box.x + box.width / 2 + 3, box.y + box.height / 2 - 2);
    const text = await page.locator(".tooltip").innerText();
    check("a point says its value", text.startsWith(label) && text.includes(value), text);
    const place = await page.locator(".tooltip").boundingBox();
    check("beside itself", beside(box, place, 40), place);
    await page.mouse.move(2, 2);
    check("and no longer when it is left", await page.locator(".tooltip").isHidden());
  },
  async follows(page) {
    const { label, key, group } = asked.link;
    await page.locator("#scores tbody tr", { hasText: label }).last().locator("a.to").first().click();
    const sheet = page.locator(".sheet:visible");
    await sheet.waitFor();
    equal("a number leads to one record", await sheet.count(), 1);
    check("with its key", (await sheet.innerText()).includes(key));
    for (const word of ["seed", "threshold", "data-fingerprint = ", "git revision", "icdbench run suites/"]) {
      check(`the record says ${word}`, (await sheet.innerText()).includes(word));
    }
    check("and it is in view", await soon(page, () => document.querySelector(".sheet:target").getBoundingClientRect().top < innerHeight));
    await page.goBack();
    await page.locator("#headline tbody tr").first().locator("a.to").first().click();
    const target = page.locator(".cell:target");
    await target.waitFor();
    check("a mean leads to all its seeds", (await target.innerText()).includes(group) && (await target.locator("details").count()) === 2);
    await page.goBack();
  },
  async copies(page) {
    await bar(page, "headline").getByText("Copy CSV").click();
    equal("a table is copied as CSV", await page.evaluate(() => window.copied), asked.csv);
    await bar(page, "headline").getByText("Copy LaTeX").click();
    equal("and as LaTeX", await page.evaluate(() => window.copied), asked.latex);
    await bar(page, "scores").locator("input").fill("caml");
    await bar(page, "scores").getByText("Copy CSV").click();
    const copied = await page.evaluate(() => window.copied);
    check("what the filter leaves is copied", copied.includes("512,caml") && !copied.includes("long_bert"), copied);
    await bar(page, "scores").locator("input").fill("");
  },
  async themes(page) {
    const colours = () =>
      page.evaluate(() => [document.body, document.querySelector("figure svg text"), document.querySelector("th[scope=row]")].map((found) => {
        const { backgroundColor, fill } = getComputedStyle(found);
        return [backgroundColor, fill];
      }));
    const light = await colours();
    equal("light at first", light[0][0], "rgb(255, 255, 255)");
    await page.getByText("Dark colours").click();
    const dark = await colours();
    equal("dark when asked", dark[0][0], "rgb(22, 24, 29)");
    check("plots and tables too", dark[1][1] !== light[1][1] && dark[2][0] !== light[2][0], dark);
    await page.screenshot({ path: join(asked.shots, "dark.png"), fullPage: true });
    await accessible(page, "dark");
    await page.emulateMedia({ media: "print" });
    equal("paper is white", (await colours())[0][0], "rgb(255, 255, 255)");
    for (const of of [".tools", ".contents", ".switch"]) check(`no ${of} on paper`, await page.locator(of).first().isHidden());
    await page.emulateMedia({ media: "screen" });
    await page.getByText("Light colours").click();
    equal("light when asked", await colours(), light);
  },
  async fits(page) {
    await page.setViewportSize({ width: 400, height: 800 });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    check("400 px are enough", width <= 400, `${width}`);
    await page.screenshot({ path: join(asked.shots, "narrow.png"), fullPage: true });
    await accessible(page, "400 px");
    await page.setViewportSize({ width: 1280, height: 900 });
  },
};

const small = await visit(asked.small);
await small.screenshot({ path: join(asked.shots, "light.png"), fullPage: true });
await accessible(small, "light");
equal("one heading of the first level", await small.locator("h1").count(), 1);
check("the answer stands first", (await small.locator("main section h2").first().innerText()) === "At a glance");
for (const words of asked.glance) check("the answer", (await small.locator(".glance").innerText()).includes(words), words);
for (const [name, step] of Object.entries(steps)) {
  await step(small).catch((error) => check(name, false, String(error)));
}

// By keyboard alone.
const keys = await visit(asked.small);
const press = (key) => keys.keyboard.press(key);
const active = (property) => keys.evaluate((property) => document.activeElement[property], property);
const until = async (selector, key = "Tab", most = 400) => {
  for (let turn = 0; turn < most; turn += 1) {
    await press(key);
    if (await keys.evaluate((selector) => document.activeElement.matches(selector), selector)) return true;
  }
  return false;
};
await press("Tab");
equal("the first stop skips to the content", await active("textContent"), "Skip to the content");
await press("Enter");
check("which is then in focus", await soon(keys, () => document.activeElement.id === "main"));
check("the switch of colours is reached", await until(".switch"));
await press("Enter");
equal("and turns them", await keys.evaluate(() => document.documentElement.dataset.theme), "dark");
check("a heading is reached", await until("#headline th button"));
await press("Enter");
check("and sorts", (await keys.locator("#headline th[aria-sort]").count()) === 1);
check("a number is reached", await until("#headline a.to"));
const first = await active("textContent");
await press("ArrowRight");
await press("ArrowDown");
check("arrows go to others", (await active("textContent")) !== first);
await press("Enter");
check("and one leads to its records", await soon(keys, () => document.activeElement.closest(".records") !== null && location.hash !== ""));
await keys.goBack();
await keys.locator("#headline a.to").first().focus();
check("a point is reached", await until("circle.tip"));
const point = await active("ariaLabel");
check("and says its value", (await keys.locator(".tooltip").innerText()).includes(point.split(": ")[0]), point);
await press("ArrowRight");
const next = await active("ariaLabel");
check("arrows go from point to point", next !== point, next);
const moved = await keys.evaluate(() => new Promise((done) => {
  const before = scrollY;
  const tell = () => done(scrollY - before);
  addEventListener("scroll", () => requestAnimationFrame(tell), { once: true });
  setTimeout(tell, 20000);
  scrollBy({ top: before < 150 ? 150 : -150, behavior: "instant" });
}));
check("the page moves", Math.abs(moved) === 150, `${moved}`);
const [tip, said] = [await keys.locator("circle.tip:focus").boundingBox(), await keys.locator(".tooltip").boundingBox()];
check("and what one says stays with it where the page moves", (await keys.locator(".tooltip").isVisible()) && beside(tip, said, 12), { tip, said });
await press("Escape");
check("escape closes it", await keys.locator(".tooltip").isHidden());
check("a filter is reached", await until("#scores th button", "Shift+Tab") || (await until(".tools input")));

// Where the system is dark.
const night = await visit(asked.small, { colorScheme: "dark" });
const surface = () => night.evaluate(() => getComputedStyle(document.body).backgroundColor);
equal("dark where the system is", await surface(), "rgb(22, 24, 29)");
await night.getByText("Light colours").click();
equal("and light on demand", await surface(), "rgb(255, 255, 255)");

// Without a script.
const plain = await visit(asked.small, { javaScriptEnabled: false }, `#${asked.anchor}`);
check("without a script a link opens its record", await plain.locator(`#${asked.anchor}`).isVisible());
check("there are no tools that would do nothing", (await plain.locator(".tools, .switch").count()) === 0);
check("and the excerpt of codes stands", (await plain.locator(".of-codes tbody tr").count()) > 10);

// Names that would be markup.
const hostile = await visit(asked.hostile);
equal("no name becomes an element", await hostile.locator("main img, main script:not([type]), main iframe").count(), 0);
check("they are shown as they are", (await hostile.locator(".of-codes").innerText()).includes(asked.hostile_code));
check("in plots too", (await hostile.locator(".tip").first().getAttribute("aria-label")).includes(asked.hostile_run));

// All codes of a large set.
const large = await visit(asked.large);
const { runs, greatest, least, filter, matching, count } = asked.codes;
const codes = () => labels(large, "codes-scores");
const found = () => bar(large, "codes-scores").locator(".found").textContent();
equal("a page of the codes stands in the document", await large.locator(".of-codes tbody tr").count(), 50);
equal("of all that there are", await found(), `1–50 of ${count} codes`);
const heading = large.locator("#codes-scores thead th").nth(3 + runs - 1).locator("button");
await heading.click();
equal("sorted over all of them", (await codes()).slice(0, greatest.length), greatest);
await heading.click();
equal("and the other way", (await codes()).slice(0, least.length), least);
await bar(large, "codes-scores").getByText("Next").click();
equal("page by page", await found(), `51–100 of ${count} codes`);
await bar(large, "codes-scores").locator("input").fill(filter);
equal("filtered by code", await found(), `1–50 of ${matching} of ${count} codes`);
check("a number of a code leads to its records", (await large.locator("#codes-scores td a.to").first().getAttribute("href")).startsWith("#record-"));
check("and by nothing else", (await codes()).every((code) => code.includes(filter)));
await bar(large, "codes-scores").getByText("Copy CSV").click();
equal("and copied", (await large.evaluate(() => window.copied)).trim().split("\n").length, Number(matching.replace(",", "")) + 1);
await accessible(large, "many codes", ".codes");
await large.locator("#codes-scores").scrollIntoViewIfNeeded();
await large.screenshot({ path: join(asked.shots, "codes.png") });

await browser.close();
for (const failure of failures) console.error(failure);
console.log(`${failures.length} failures`);
process.exit(failures.length ? 1 : 0);
