// Signs in and out. Who is signed in is the server's to say: nothing is kept here but the word for changes.

const session = "/api/v1/session";
const form = document.getElementById("sign-in");
const signedIn = document.getElementById("signed-in");
const who = document.getElementById("who");
const problem = document.getElementById("problem");

let csrf = null;

async function ask(method, body) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csrf !== null) headers["X-CSRF-Token"] = csrf;
  const response = await fetch(session, { method, headers, body: body && JSON.stringify(body) });
  const said = response.status === 204 ? null : await response.json();
  if (!response.ok) throw Object.assign(new Error(said.detail), { status: response.status });
  return said;
}

function show(visitor) {
  csrf = visitor?.csrf ?? null;
  form.hidden = visitor !== null;
  signedIn.hidden = visitor === null;
  who.textContent = visitor ? [visitor.user, visitor.role, visitor.extension].filter(Boolean).join(" · ") : "";
  problem.textContent = "";
}

function tell(error) {
  problem.textContent = error.message;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(form));
  try {
    show(await ask("POST", { name, password }));
    form.reset();
  } catch (error) {
    tell(error);
  }
});

document.getElementById("sign-out").addEventListener("click", async () => {
  try {
    await ask("DELETE");
    show(null);
  } catch (error) {
    if (error.status === 401) show(null);
    tell(error);
  }
});

try {
  show(await ask("GET"));
} catch (error) {
  show(null);
  if (error.status !== 401) tell(error);
}
