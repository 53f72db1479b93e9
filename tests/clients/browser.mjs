// The genuine Better Auth clients for a page of their own; bundled by the tests with esbuild.

import { createAuthClient as current } from "better-auth/client";
import { createAuthClient as earlier } from "better-auth-1-4/client";

const releases = { current, earlier };

// mode: cookie, or bearer, which sends no cookie at all: for hosts whose preflight forbids them
window.start = (base, release, mode) => {
  const fetchOptions = {};
  if (mode === "bearer") {
    fetchOptions.credentials = "omit";
    fetchOptions.auth = { type: "Bearer", token: () => localStorage.getItem("bearer") ?? "" };
    fetchOptions.onSuccess = ({ response }) => {
      const token = response.headers.get("set-auth-token");
      if (token) localStorage.setItem("bearer", token);
    };
  }
  const client = releases[release]({ baseURL: base, fetchOptions });
  client.useSession.subscribe((state) => {
    window.shown = state.isPending ? undefined : (state.data?.user.name ?? null);
  });
  window.call = async (path, body) => {
    const method = path.split(".").reduce((part, name) => part[name], client);
    const { data, error } = await method(body);
    return { data, error };
  };
};
