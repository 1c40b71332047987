// A phone in a real browser: Chromium, headless, with a file for a microphone, and SIP.js or JsSIP in a page.
//
//   node browser.mjs sip.js|jssip ws://127.0.0.1:5080 USER PASSWORD MICROPHONE.wav
//
// Takes orders from standard input, one a line: {"id": 1, "order": "dial", "with": ["sip:95588@127.0.0.1"]}, which are the
// functions of page.mjs, and answers each on standard output: {"id": 1, "result": …} or {"id": 1, "error": "…"}. Ends with
// its input. WEB_PHONES names the folder with the libraries, CHROMIUM the browser.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

const packages = `${process.env.WEB_PHONES}/node_modules`;
const load = createRequire(`${process.env.WEB_PHONES}/package.json`);
const [library, server, user, password, microphone] = process.argv.slice(2);

// JsSIP and what it needs are CommonJS: all of it in one script, each module a function of its own.
function bundled(entry) {
  const modules = new Map();
  const add = (file) => {
    if (modules.has(file)) return;
    modules.set(file, "");
    const from = createRequire(file);
    const names = {};
    let text = readFileSync(file, "utf8");
    for (const [, name] of text.matchAll(/\brequire\(['"]([^'"]+)['"]\)/g)) {
      const folder = ["events", "debug"].includes(name) && path.dirname(realpathSync(load.resolve(`${name}/package.json`)));
      const inside = folder && `${folder}/${name === "debug" ? "src/browser.js" : "events.js"}`;
      names[name] = inside || from.resolve(name);
      if (!names[name].endsWith(".json")) add(names[name]);
      else modules.set(names[name], `module.exports = ${readFileSync(names[name], "utf8")}`);
    }
    modules.set(file, `const require = (name) => loadModule(${JSON.stringify(names)}[name]);\n${text}`);
  };
  add(entry);
  const all = [...modules].map(([file, text]) => `${JSON.stringify(file)}: (module, exports) => {\n${text}\n}`);
  return `const sources = {${all.join(",\n")}};
    const done = {};
    globalThis.process ??= { env: {} };
    function loadModule(file) {
      if (!done[file]) { const module = (done[file] = { exports: {} }); sources[file](module, module.exports); }
      return done[file].exports;
    }
    export default loadModule(${JSON.stringify(entry)});`;
}

const own = path.dirname(new URL(import.meta.url).pathname);
const pages = createServer((request, response) => {
  const name = new URL(request.url, "http://page").pathname;
  try {
    const text =
      name === "/" ? "<!doctype html><title>phone</title><audio autoplay></audio>"
      : name === "/page.mjs" ? readFileSync(`${own}/page.mjs`)
      : name === "/jssip.mjs" ? bundled(load.resolve("jssip"))
      : readFileSync(path.join(packages, path.normalize(name)));
    response.setHeader("content-type", name === "/" ? "text/html" : "text/javascript");
    response.end(text);
  } catch (error) {
    response.statusCode = 404;
    response.end(String(error));
  }
});
await new Promise((done) => pages.listen(0, "127.0.0.1", done));
const page = `http://127.0.0.1:${pages.address().port}/`;

// All that Chromium writes. Not in the folder of the scenario: the names of its sockets would be too long.
const profile = mkdtempSync("/tmp/browser-");
const chromium = spawn(
  process.env.CHROMIUM ?? "chromium",
  [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    `--user-data-dir=${profile}`,
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-audio-capture=${microphone}`,
    // Without it a machine that has no network but the loopback has no candidate at all.
    "--allow-loopback-in-peer-connection",
    "--remote-debugging-pipe",
    "about:blank",
  ],
  {
    detached: true,
    env: { ...process.env, TMPDIR: profile },
    stdio: ["ignore", "ignore", process.env.BROWSER_LOG ? "inherit" : "ignore", "pipe", "pipe"],
  },
);

function end(code, why) {
  if (why) console.error(why);
  try {
    // All of its processes.
    process.kill(-chromium.pid, "SIGKILL");
  } catch {
    // It is gone already, or never was.
  }
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  process.exit(code);
}
chromium.on("exit", (code) => end(1, `the browser ended: ${code}`));
// The end of the process says more than the end of its pipes.
chromium.stdio[3].on("error", () => {});
chromium.stdio[4].on("error", () => {});
chromium.on("error", (error) => end(1, `no browser: ${error.message}`));

// The DevTools protocol over two pipes: JSON, each message ended by a zero.
const waiting = new Map();
let last = 0;
let rest = "";
chromium.stdio[4].setEncoding("utf8");
chromium.stdio[4].on("data", (data) => {
  const messages = (rest + data).split("\0");
  rest = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) {
    if (message.method === "Runtime.consoleAPICalled") {
      console.error(message.params.args.map((arg) => arg.value ?? arg.description).join(" "));
    }
    const { done, failed } = waiting.get(message.id) ?? {};
    waiting.delete(message.id);
    if (message.error) failed?.(new Error(message.error.message));
    else done?.(message.result);
  }
});
function tell(method, params = {}, sessionId) {
  const id = ++last;
  chromium.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((done, failed) => waiting.set(id, { done, failed }));
}

const { targetId } = await tell("Target.createTarget", { url: page });
const { sessionId } = await tell("Target.attachToTarget", { targetId, flatten: true });
if (process.env.BROWSER_LOG) await tell("Runtime.enable", {}, sessionId);

async function evaluate(expression) {
  const how = { expression, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await tell("Runtime.evaluate", how, sessionId);
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

const orders = {
  async open() {
    // A new target shows an empty page first.
    const loaded = `location.href === ${JSON.stringify(page)} && document.readyState === "complete" && !globalThis.phone`;
    while (!(await evaluate(loaded).catch(() => false))) await new Promise((done) => setTimeout(done, 50));
    const what = JSON.stringify([library, server, user, password]);
    await evaluate(`import("/page.mjs").then(async (page) => { globalThis.phone = page; await page.start(...${what}); })`);
  },
  /** The page anew, as by F5: whatever it held is gone. */
  async reload() {
    await tell("Page.reload", {}, sessionId);
    return orders.open();
  },
  /** No network any more, or again. */
  async network(there) {
    const conditions = { offline: !there, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await tell("Network.emulateNetworkConditions", conditions, sessionId);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, order, with: given = [] } = JSON.parse(line);
  const act = orders[order] ? orders[order](...given) : evaluate(`phone.${order}(...${JSON.stringify(given)})`);
  act.then(
    (result) => console.log(JSON.stringify({ id, result: result ?? null })),
    (error) => console.log(JSON.stringify({ id, error: error.message })),
  );
}
end(0);
