// A browser that does what it is told: a command per line on stdin, what came of it per line on stdout. It judges nothing.
//
// Environment: CHROMIUM, the program; SHOTS, where pictures go; NODE_PATH, where playwright-core is.
"use strict";

const { chromium } = require("playwright-core");
const path = require("node:path");
const readline = require("node:readline");

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** Milliseconds, for a machine that has other things to do; less than whoever gives the commands waits. */
const PATIENCE = 80000;

let browser = null;
let context = null;
let page = null;
let found = { errors: [], violations: [], foreign: [] };

/** What runs in the page before its own code: it notes what the page's policy forbade, and the tasks that took long. */
function observe() {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: "longtask" });
}

const commands = {
  async open({ url, width = 1440, height = 900, scheme = "light", touch = false }) {
    if (page) await page.close();
    page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: touch ? "reduce" : null });
    await page.addInitScript(observe);
    const origin = new URL(url).origin;
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) found.errors.push(message.text()); });
    page.on("pageerror", (error) => found.errors.push(String(error.stack ?? error)));
    page.on("request", (request) => { if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("data:")) found.foreign.push(request.url()); });
    await page.goto(url, { waitUntil: "load" });
    return {};
  },
  /** An expression or a function of the page. */
  async look({ code }) { return { value: await page.evaluate(code) }; },
  /** Asks again and again from outside: the page's own policy forbids it to evaluate texts. */
  async until({ code, within = PATIENCE }) {
    const end = Date.now() + within;
    while (!(await page.evaluate(code).catch(() => false))) {
      if (Date.now() > end) return { error: `not within ${within} ms` };
      await new Promise((done) => setTimeout(done, 30));
    }
    return {};
  },
  /** An expression, while the browser notes its tasks: how long the longest took, and how long it had the processor. */
  async traced({ code }) {
    await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
    const value = await page.evaluate(code);
    const { traceEvents } = JSON.parse(await browser.stopTracing());
    return { value: { ...value, ...longest(traceEvents) } };
  },
  async click({ on }) { await page.click(on); return {}; },
  async fill({ on, text }) { await page.fill(on, text); return {}; },
  async press({ keys }) { for (const key of keys) await page.keyboard.press(key); return {}; },
  async type({ text }) { await page.keyboard.type(text); return {}; },
  async scheme({ scheme }) { await page.emulateMedia({ colorScheme: scheme }); return {}; },
  async size({ width, height }) { await page.setViewportSize({ width, height }); return {}; },
  async shot({ name }) { await page.screenshot({ path: path.join(process.env.SHOTS, `${name}.png`) }); return {}; },
  async findings() {
    const violations = await page.evaluate("window.violations");
    const value = { ...found, violations };
    found = { errors: [], violations: [], foreign: [] };
    return { value };
  },
};

/** Of the thread that draws frames: that is the page's. */
function longest(events) {
  const frames = new Map();
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  for (const event of events) if (event.name === "FireAnimationFrame") frames.set(thread(event), (frames.get(thread(event)) ?? 0) + 1);
  const [own] = [...frames].sort((one, other) => other[1] - one[1])[0];
  const tasks = events.filter((event) => event.ph === "X" && event.name.endsWith("RunTask") && thread(event) === own);
  const most = (key) => Math.max(0, ...tasks.map((task) => task[key] ?? 0)) / 1000;
  return { tasks: tasks.length, longest_task_ms: most("dur"), longest_task_cpu_ms: most("tdur") };
}

async function main() {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, timeout: PATIENCE, args: FLAGS });
  context = await browser.newContext();
  console.log(JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { command, ...rest } = JSON.parse(line);
    const answer = await commands[command](rest).catch((error) => ({ error: String(error.message ?? error) }));
    console.log(JSON.stringify(answer));
  }
  await browser.close();
}

main();
