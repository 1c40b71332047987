// The page of browser.mjs: one phone with the same orders whichever the library, one call at a time.

let ua; // the library's user agent
let call; // the call: { session, state: "ringing" | "calling" | "talking" | "over", pc }
let act; // the library's ways
let context; // where what is heard is written down
let forges = false; // JsSIP announces another certificate than its own

const microphone = { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false };
const heardPieces = []; // { at: milliseconds of Date.now() at its end, samples: Int16Array } at 8 kHz

export async function start(library, server, user, password) {
  const host = new URL(server).hostname;
  act = library === "jssip" ? await jssip(server, host, user, password) : await sipjs(server, host, user, password);
}

const moved = (to) => (event) => {
  if (call.state !== "over") call.state = to;
  if (to === "over") call.why = event?.cause ?? event?.originator ?? "";
};

function begin(session, state) {
  call = { session, state };
}

/** What the peer connection brings is played, and written down as it is heard. */
function listenTo(pc) {
  call.pc = pc;
  pc.addEventListener("track", ({ track }) => {
    const stream = new MediaStream([track]);
    // A stream from the network reaches WebAudio only while an element plays it.
    const audio = document.querySelector("audio");
    audio.srcObject = stream;
    audio.play();
    // A track that was on hold is told of anew: it is written down once.
    context?.close();
    context = new AudioContext({ sampleRate: 8000 });
    const tap = context.createScriptProcessor(256, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => {
      const samples = Int16Array.from(inputBuffer.getChannelData(0), (x) => Math.max(-1, Math.min(1, x)) * 32767);
      heardPieces.push({ at: Date.now(), samples });
    };
    context.createMediaStreamSource(stream).connect(tap);
    tap.connect(context.destination);
  });
}

async function jssip(server, host, user, password) {
  const { default: JsSIP } = await import("/jssip.mjs");
  ua = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(server)],
    uri: `sip:${user}@${host}`,
    password,
    register_expires: 120,
    session_timers: false,
  });
  const options = async () => ({
    mediaStream: await navigator.mediaDevices.getUserMedia(microphone),
    pcConfig: { iceServers: [] },
  });
  const follow = (session, state) => {
    begin(session, state);
    session.on("accepted", moved("talking"));
    session.on("ended", moved("over"));
    session.on("failed", moved("over"));
    session.on("sdp", (description) => {
      if (forges && description.originator === "local") {
        description.sdp = description.sdp.replace(/(a=fingerprint:sha-256 )../, "$100");
      }
    });
    if (session.connection) listenTo(session.connection);
    session.on("peerconnection", ({ peerconnection }) => listenTo(peerconnection));
  };
  ua.on("newRTCSession", ({ session, originator }) => originator === "remote" && follow(session, "ringing"));
  const registered = new Promise((done, failed) => {
    ua.once("registered", done);
    ua.once("registrationFailed", ({ cause }) => failed(new Error(cause)));
  });
  ua.start();
  await registered;
  return {
    dial: async (to, extraHeaders) => follow(ua.call(to, { ...(await options()), extraHeaders }), "calling"),
    answer: async () => call.session.answer(await options()),
    hangUp: () => call.session.terminate(),
    hold: () => new Promise((done) => call.session.hold({}, done)),
    resume: () => new Promise((done) => call.session.unhold({}, done)),
    restartIce: () => new Promise((done) => call.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, done)),
    dialog: () => {
      const { call_id, local_tag, remote_tag } = call.session._dialog.id;
      return `${call_id};to-tag=${remote_tag};from-tag=${local_tag}`;
    },
    press: (digits) => call.session.sendDTMF(digits, { transportType: "RFC2833", duration: 120, interToneGap: 100 }),
    stop: () => ua.stop(),
  };
}

async function sipjs(server, host, user, password) {
  const { UserAgent, Registerer, Inviter, SessionState } = await import("/sip.js/lib/index.js");
  const media = { constraints: microphone, iceGatheringTimeout: 500 };
  const follow = (session, state) => {
    begin(session, state);
    session.delegate = { onSessionDescriptionHandler: (handler) => listenTo(handler.peerConnection) };
    session.stateChange.addListener((now) => {
      if (now === SessionState.Established) moved("talking")();
      if (now === SessionState.Terminated) moved("over")();
    });
  };
  ua = new UserAgent({
    uri: UserAgent.makeURI(`sip:${user}@${host}`),
    transportOptions: { server },
    authorizationUsername: user,
    authorizationPassword: password,
    logLevel: "error",
    sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
    delegate: { onInvite: (invitation) => follow(invitation, "ringing") },
  });
  await ua.start();
  const registerer = new Registerer(ua, { expires: 120 });
  await new Promise((done, failed) => {
    const onReject = ({ message }) => failed(new Error(`${message.statusCode}`));
    registerer.register({ requestDelegate: { onAccept: done, onReject } });
  });
  const renegotiate = (how) =>
    new Promise((done, failed) => {
      call.session.sessionDescriptionHandlerOptionsReInvite = { ...media, ...how };
      const onReject = ({ message }) => failed(new Error(`${message.statusCode}`));
      call.session.invite({ requestDelegate: { onAccept: () => done(), onReject } });
    });
  return {
    dial: (to, extraHeaders) => {
      const inviter = new Inviter(ua, UserAgent.makeURI(to), { extraHeaders, sessionDescriptionHandlerOptions: media });
      follow(inviter, "calling");
      return inviter.invite();
    },
    answer: () => call.session.accept({ sessionDescriptionHandlerOptions: media }),
    hangUp: () => (call.state === "talking" ? call.session.bye() : (call.session.cancel ?? call.session.reject).call(call.session)),
    hold: () => renegotiate({ hold: true }),
    resume: () => renegotiate({ hold: false }),
    restartIce: () => renegotiate({ hold: false, offerOptions: { iceRestart: true } }),
    dialog: () => {
      const { callId, localTag, remoteTag } = call.session.dialog;
      return `${callId};to-tag=${remoteTag};from-tag=${localTag}`;
    },
    press: (digits) => call.session.sessionDescriptionHandler.sendDtmf(digits, { duration: 120, interToneGap: 100 }),
    stop: () => ua.stop(),
  };
}

export const dial = async (to, extraHeaders = []) => void (await act.dial(to, extraHeaders));
export const answer = async () => void (await act.answer());
export const hangUp = async () => void (await act.hangUp());
export const hold = async () => void (await act.hold());
export const resume = async () => void (await act.resume());
export const restartIce = async () => void (await act.restartIce());
export const press = async (digits) => void (await act.press(digits));
/** What a Replaces header says of the call (RFC 3891), for a page that comes back. */
export const dialog = () => act.dialog();
export const forge = () => void (forges = true);
export const stop = async () => void (await act.stop());

/** "none" before the first call. */
export const state = () => call?.state ?? "none";
export const why = () => call?.why ?? "";

/** From its answer to the first sound, in milliseconds of its own clock; null while there was none. */
export async function answerToSound() {
  const began = Date.now();
  await act.answer();
  for (;;) {
    const first = heardPieces.find(({ at, samples }) => at >= began && samples.some((x) => Math.abs(x) > 300));
    // A piece is 32 ms long; the sound began some time within it.
    if (first) return first.at - began - 32 + first.samples.findIndex((x) => Math.abs(x) > 300) / 8;
    if (Date.now() > began + 10000) return null;
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** The codec and the pair of addresses in use, and how the connection is. */
export async function connection() {
  const all = [...(await call.pc.getStats()).values()];
  const of = (type) => all.filter((one) => one.type === type);
  const codec = (id) => all.find((one) => one.id === id)?.mimeType;
  const [rtp] = of("inbound-rtp");
  const [transport] = of("transport");
  return {
    ice: call.pc.iceConnectionState,
    state: call.pc.connectionState,
    codec: rtp && codec(rtp.codecId),
    received: rtp?.packetsReceived,
    lost: rtp?.packetsLost,
    srtp: transport?.srtpCipher,
    tls: transport?.tlsVersion,
  };
}

/** What was heard between two times of Date.now(): int16, 8 kHz, in base64. */
export function heard(since = 0, until = Infinity) {
  const pieces = heardPieces.filter(({ at }) => at >= since && at <= until);
  const octets = pieces.flatMap(({ samples }) => [...new Uint8Array(samples.buffer)]);
  let text = "";
  for (let at = 0; at < octets.length; at += 8192) text += String.fromCharCode(...octets.slice(at, at + 8192));
  return btoa(text);
}
