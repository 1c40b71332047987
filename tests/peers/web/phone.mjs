// A browser's SIP library without the browser: signs in over a WebSocket, sends OPTIONS, and a MESSAGE to TO, signs off.
//
//   node phone.mjs sip.js|jssip ws://127.0.0.1:5080 USER PASSWORD TO
//
// Every answer is a line of JSON on standard output: {"request": "REGISTER", "status": 200, "reason": "OK"}. Exit status 0
// when all were answered. NODE_EXTRA_CA_CERTS names whom it believes, WEB_PHONES the folder with the libraries.

import { createRequire } from "node:module";

// The packages lie outside the tree: `import` looks only beside the file.
const load = createRequire(`${process.env.WEB_PHONES}/package.json`);
const { WebSocket } = load("ws");
globalThis.WebSocket = WebSocket;

const [library, server, user, password, to] = process.argv.slice(2);
const host = new URL(server).hostname;
const limit = setTimeout(() => fail("not over in time"), 12000);

function tell(request, status, reason) {
  console.log(JSON.stringify({ request, status, reason }));
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

// The libraries log by the console.
console.debug = () => {};

async function withSipJs() {
  const { UserAgent, Registerer, Messager } = load("sip.js");
  const agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${user}@${host}`),
    transportOptions: { server, keepAliveInterval: 1 },
    authorizationUsername: user,
    authorizationPassword: password,
    logLevel: "error",
  });
  const answered = (name, act) =>
    new Promise((done) => {
      const end = (response) => done(tell(name, response.message.statusCode, response.message.reasonPhrase));
      act({ onAccept: end, onReject: end });
    });
  await agent.start();
  const registerer = new Registerer(agent, { expires: 120 });
  await answered("REGISTER", (requestDelegate) => registerer.register({ requestDelegate }));
  const core = agent.userAgentCore;
  const target = UserAgent.makeURI(`sip:hotline@${host}`);
  const options = core.makeOutgoingRequestMessage("OPTIONS", target, agent.configuration.uri, target, {});
  await answered("OPTIONS", (delegate) => core.request(options, delegate));
  const colleague = UserAgent.makeURI(`sip:${to}@${host}`);
  await answered("MESSAGE", (requestDelegate) => new Messager(agent, colleague, "hello").message({ requestDelegate }));
  // Long enough for a keep-alive to be sent and answered: without an answer the library closes.
  await new Promise((done) => setTimeout(done, 2500));
  if (!agent.isConnected()) fail("the keep-alive was not answered");
  await answered("REGISTER", (requestDelegate) => registerer.unregister({ requestDelegate }));
  await agent.stop();
}

async function withJsSip() {
  const { UA, WebSocketInterface, debug } = load("jssip");
  debug.disable();
  const agent = new UA({
    sockets: [new WebSocketInterface(server)],
    uri: `sip:${user}@${host}`,
    password,
    register: false,
    register_expires: 120,
  });
  const connected = new Promise((done) => agent.once("connected", done));
  agent.on("disconnected", (event) => event.error && fail("disconnected"));
  agent.start();
  await connected;
  const registering = (event, act) =>
    new Promise((done) => {
      const end = ({ response, cause }) => done(tell("REGISTER", response?.status_code ?? 0, response?.reason_phrase ?? cause));
      agent.once(event, end);
      agent.once("registrationFailed", end);
      act();
    });
  const answered = (name, send) =>
    new Promise((done) => {
      const end = ({ response, cause }) => done(tell(name, response?.status_code ?? 0, response?.reason_phrase ?? cause));
      send({ eventHandlers: { succeeded: end, failed: end } });
    });
  await registering("registered", () => agent.register());
  await answered("OPTIONS", (how) => agent.sendOptions(`sip:hotline@${host}`, "", how));
  await answered("MESSAGE", (how) => agent.sendMessage(`sip:${to}@${host}`, "hello", how));
  await registering("unregistered", () => agent.unregister());
  agent.stop();
}

await (library === "jssip" ? withJsSip() : withSipJs());
clearTimeout(limit);
process.exit(0);
