// The calls of the existing frontend, with its headers, bodies, and what it reads of the answers.
// No credentials option anywhere, so no cookies; the token lives in localStorage.

const base = new URLSearchParams(location.search).get("api");
const auth = (path) => `${base}/api/auth${path}`;
const sessions = (path = "") => `${base}/api/chat/sessions${path}`;
const JSON_HEADERS = { "Content-Type": "application/json" };
const bearer = () => ({
  ...JSON_HEADERS,
  Authorization: `Bearer ${localStorage.getItem("auth_token") ?? ""}`,
});

let user = null;
let sessionId = null;
window.calls = 0;

function put(id, value) {
  // React throws at an object in a text's place, and the whole page dies
  if (value !== null && typeof value === "object") throw new Error("Objects are not valid here");
  document.getElementById(id).textContent = value ?? "";
}

function keep(found) {
  user = found;
  put("reader", user ? user.name || user.email.split("@")[0] : "");
  const level = user ? user.proficiency : "";
  document.getElementById("reader").dataset.level = level;
  put("profile", user?.learning_goals || "Not set");
}

// mounted twice on every page: in the theme's root and again in its layout
async function providerMounts() {
  if (!localStorage.getItem("auth_token")) return keep(null);
  try {
    const response = await fetch(auth("/get-session"), { headers: bearer() });
    if (!response.ok) throw new Error("no session");
    const data = await response.json();
    if (!data.user) throw new Error("nobody");
    keep(data.user);
  } catch {
    localStorage.removeItem("auth_token");
    keep(null);
  }
  window.calls += 1;
}

async function credentials(path, body, fallback) {
  put("error", "");
  try {
    const response = await fetch(auth(path), {
      method: "POST",
      headers: JSON_HEADERS,
      body: JSON.stringify(body),
    });
    const data = await response.json();
    if (!response.ok) return put("error", data.detail || fallback);
    if (!data.session?.accessToken) return put("error", "No token received");
    localStorage.setItem("auth_token", data.session.accessToken);
    keep(data.user);
  } catch (error) {
    if (String(error).includes("Objects")) throw error;
    put("error", "Network error. Is the backend running?");
  }
}

window.signUp = (body) => credentials("/sign-up", body, "Registration failed");
window.signIn = (body) => credentials("/sign-in/email", body, "Login failed");
window.logOut = () => {
  localStorage.removeItem("auth_token");
  keep(null);
};
window.saveProfile = async (fields) => {
  const response = await fetch(auth("/profile/update"), {
    method: "POST",
    headers: bearer(),
    body: JSON.stringify(fields),
  });
  if (!response.ok) put("error", "Failed");
};

function say(role, text) {
  const line = document.createElement("p");
  line.className = role;
  line.textContent = text;
  document.getElementById("chat").append(line);
}

window.openChat = async () => {
  const verified = await fetch(auth("/verify"), { headers: bearer() });
  if (!verified.ok && verified.status !== 404) return window.logOut();
  const response = await fetch(sessions("?limit=1&offset=0"), { headers: bearer() });
  const [latest] = (await response.json()).sessions;
  if (latest?.is_active) await window.openSession((sessionId = latest.id));
};
window.newChat = () => (sessionId = null);
window.ask = async (query, selected = "") => {
  say("user", query);
  try {
    const response = await fetch(`${base}/chat`, {
      method: "POST",
      headers: bearer(),
      body: JSON.stringify({ query, selected_text: selected, session_id: sessionId }),
    });
    const data = await response.json();
    if (data.session_id) sessionId = data.session_id;
    say("assistant", data.response || "Sorry, I encountered an error.");
  } catch {
    say("assistant", "Network error. Please check your connection.");
  }
};

window.listSessions = async (page = 1) => {
  const query = `?limit=10&offset=${10 * (page - 1)}`;
  const data = await (await fetch(sessions(query), { headers: bearer() })).json();
  const rows = data.sessions.map((one) => {
    const row = document.createElement("li");
    const day = new Date(one.updated_at);
    if (Number.isNaN(day.valueOf())) throw new Error("Invalid time value");
    row.id = one.id;
    row.textContent = `${one.title} (${one.message_count})`;
    return row;
  });
  document.getElementById("sessions").replaceChildren(...rows);
  return data.sessions.length === 10; // "next page" is enabled
};
window.openSession = async (id) => {
  const response = await fetch(sessions(`/${id}`), { headers: bearer() });
  if (response.status === 404) return put("error", "Session not found");
  const data = await response.json();
  const lines = data.messages.map((one) => {
    const sources = one.sources ? one.sources.map((source) => source.trim()).join("; ") : "";
    return `${one.role.toLowerCase()}: ${one.content} [${sources}]`;
  });
  put("opened", [data.session.title, ...lines].join("\n"));
};
window.renameSession = async (id, title) => {
  const options = { method: "PATCH", headers: bearer(), body: JSON.stringify({ title }) };
  return (await fetch(sessions(`/${id}/title`), options)).ok;
};
window.deleteSession = async (id) =>
  (await fetch(sessions(`/${id}`), { method: "DELETE", headers: bearer() })).ok;
window.exportSession = async (id, format) => {
  const response = await fetch(sessions(`/${id}/export?format=${format}`), { headers: bearer() });
  return (await response.json()).content;
};
window.clearHistory = async () => {
  const options = { method: "DELETE", headers: bearer() };
  return (await (await fetch(`${base}/api/chat/history`, options)).json()).message;
};

// sent without Authorization; ten texts at a time, and one by one only where the batch throws
window.rewrite = async (path, extra, many, one) => {
  const places = [...document.querySelectorAll("article p")];
  const texts = places.map((place) => place.innerText);
  const post = async (url, body) => {
    const options = { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) };
    return (await fetch(base + url, options)).json();
  };
  try {
    const data = await post(`${path}/batch`, { texts, ...extra });
    data[many]?.forEach((text, index) => text && (places[index].innerText = text));
  } catch {
    for (const [index, place] of places.entries()) {
      place.innerText = (await post(path, { text: texts[index], ...extra }))[one];
    }
  }
};

Promise.all([providerMounts(), providerMounts()]);
