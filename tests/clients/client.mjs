// Drives the genuine Better Auth client against a server and prints what it saw as JSON.
// node client.mjs BASE_URL PACKAGE(better-auth | better-auth-1-4) MODE(cookie | bearer) ORIGIN EMAIL

const [base, packageName, mode, origin, email] = process.argv.slice(2);
const { createAuthClient } = await import(`${packageName}/client`);

// Node keeps no cookies: one jar stands for one browser, shared by its tabs.
const jar = new Map();
const seen = { setCookies: [] };

function keep(response) {
  for (const line of response.headers.getSetCookie()) {
    seen.setCookies.push(line);
    const [pair, ...attributes] = line.split(";").map((part) => part.trim());
    const cut = pair.indexOf("=");
    const expired = attributes.some((part) => part.toLowerCase() === "max-age=0");
    if (expired) jar.delete(pair.slice(0, cut));
    else jar.set(pair.slice(0, cut), pair.slice(cut + 1));
  }
}

function device(keepsBearer = {}) {
  const customFetchImpl = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("origin", origin);
    if (mode === "cookie" && jar.size > 0)
      headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(input, { ...init, headers });
    if (mode === "cookie") keep(response);
    return response;
  };
  const fetchOptions = { customFetchImpl };
  if (mode === "bearer") {
    fetchOptions.auth = { type: "Bearer", token: () => keepsBearer.token ?? "" };
    fetchOptions.onSuccess = ({ response }) => {
      const token = response.headers.get("set-auth-token");
      if (token) keepsBearer.token = token;
    };
  }
  return createAuthClient({ baseURL: base, fetchOptions });
}

const storage = {};
const tab = device(storage);
const secondTab = device(storage);
const password = "Corr3ct-horse-battery";
const renewed = "An0ther-passphrase";
const results = {};

results.signedOut = await tab.getSession();
results.signUp = await tab.signUp.email({ email, password, name: "Ada" });
results.session = await tab.getSession();
results.datesAreDates =
  results.session.data?.session.expiresAt instanceof Date &&
  results.session.data?.user.createdAt instanceof Date;
results.expiresInDays =
  (results.session.data?.session.expiresAt - results.session.data?.session.createdAt) / 864e5;
results.secondTab = await secondTab.getSession();
results.duplicate = await tab.signUp.email({ email, password, name: "Ada" });
results.update = await tab.updateUser({ name: "Ada Lovelace" });
results.afterUpdate = await tab.getSession();
results.change = await tab.changePassword({
  currentPassword: password,
  newPassword: renewed,
  revokeOtherSessions: true,
});
results.afterChange = await tab.getSession();
results.list = await tab.listSessions();
results.signOut = await tab.signOut();
delete storage.token;
results.afterSignOut = await tab.getSession();
results.wrongPassword = await tab.signIn.email({ email, password });
results.signIn = await tab.signIn.email({ email, password: renewed });
const elsewhere = await tab.signIn.email({ email, password: renewed });
results.twoSessions = await tab.listSessions();
const foreign = results.twoSessions.data.find((one) => one.token !== elsewhere.data.token);
results.revoke = await tab.revokeSession({ token: foreign.token });
results.oneSession = await tab.listSessions();
results.revokeOthers = await tab.revokeOtherSessions();
results.delete = await tab.deleteUser({ password: renewed });
delete storage.token;
results.afterDelete = await tab.signIn.email({ email, password: renewed });

console.log(JSON.stringify({ results, seen }));
