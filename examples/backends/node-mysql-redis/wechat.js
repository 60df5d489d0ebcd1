// WeChat's server interfaces, as far as a login needs them. Knows nothing of users or sessions.

// Deadline for one call, body included, in milliseconds: a person is looking at a spinner.
const TIMEOUT_MS = 2000;

// Only a new code helps: unknown or expired, already used, missing.
export const BAD_CODE = new Set([40029, 40163, 41008]);
// Our appid, secret, address or grant type: nothing a phone could repair.
export const MISCONFIGURED = new Set([40002, 40013, 40125, 40164, 41002, 41004]);
// The access token has died; WeChat invalidates the old one when somebody fetches a new one.
const DEAD_TOKEN = new Set([40001, 40014, 42001]);

/** WeChat gave no usable answer. The call may have taken effect. */
export class Unavailable extends Error {}

/** WeChat answered with an errcode. */
export class Refused extends Error {
  constructor(errcode) {
    super(`errcode ${errcode}`);
    this.errcode = errcode;
  }
}

export class WeChat {
  #base;
  #secret;
  #token = null; // { fetched: Promise<string>, until: number }

  constructor({ base, appid, secret }) {
    this.#base = base.replace(/\/+$/, "");
    this.appid = appid;
    this.#secret = secret;
  }

  /** Spends a login code. Never repeats itself: a code works once. */
  async exchange(code) {
    const query = { appid: this.appid, secret: this.#secret, js_code: code, grant_type: "authorization_code" };
    const { openid, session_key: sessionKey, unionid } = await this.#call("GET", "/sns/jscode2session", query);
    if (!isText(openid) || !isText(sessionKey)) {
      throw new Unavailable("a login reply without openid or session_key");
    }
    return { openid, sessionKey, unionid: isText(unionid) ? unionid : null };
  }

  /** The number behind a phone-button code. The openid makes WeChat refuse another person's code. */
  async phoneNumber(code, openid) {
    const ask = async (token) => {
      const path = "/wxa/business/getuserphonenumber";
      const answer = await this.#call("POST", path, { access_token: token }, { code, openid });
      const number = answer.phone_info?.purePhoneNumber;
      if (!isText(number)) throw new Unavailable("a phone reply without a number");
      return number;
    };
    const known = this.#accessToken();
    try {
      return await ask(await known.fetched);
    } catch (error) {
      if (!(error instanceof Refused && DEAD_TOKEN.has(error.errcode))) throw error;
      // Once: if the fresh token is refused too, something else is wrong.
      if (this.#token === known) this.#token = null;
      return ask(await this.#accessToken().fetched);
    }
  }

  /** One fetch at a time; whoever comes meanwhile shares it. */
  #accessToken() {
    if (this.#token && Date.now() < this.#token.until) return this.#token;
    const entry = { fetched: null, until: Infinity };
    entry.fetched = this.#fetchToken(entry).catch((error) => {
      if (this.#token === entry) this.#token = null;
      throw error;
    });
    this.#token = entry;
    return entry;
  }

  async #fetchToken(entry) {
    const body = { grant_type: "client_credential", appid: this.appid, secret: this.#secret };
    const answer = await this.#call("POST", "/cgi-bin/stable_token", {}, body);
    if (!isText(answer.access_token)) throw new Unavailable("a token reply without a token");
    // Leave a margin for clocks and slow calls.
    entry.until = Date.now() + Math.min(Number(answer.expires_in) || 0, 7200) * 900;
    return answer.access_token;
  }

  async #call(method, path, query, body) {
    const url = `${this.#base}${path}?${new URLSearchParams(query)}`;
    let status, text;
    try {
      const reply = await fetch(url, {
        method,
        body: body && JSON.stringify(body),
        headers: body && { "content-type": "application/json" },
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      status = reply.status;
      text = await reply.text();
    } catch (error) {
      // The text of a fetch error can hold the URL, and the URL holds the secret.
      throw new Unavailable(error.cause?.code ?? error.name);
    }
    if (status !== 200) throw new Unavailable(`HTTP ${status}`);
    let answer;
    try {
      // By content: WeChat labels JSON as text/plain.
      answer = JSON.parse(text);
    } catch {
      throw new Unavailable("a reply that is not JSON");
    }
    if (answer === null || typeof answer !== "object") throw new Unavailable("a reply that is not a JSON object");
    // Absent or 0 on success, by endpoint.
    if (answer.errcode) throw new Refused(answer.errcode);
    return answer;
  }
}

function isText(value) {
  return typeof value === "string" && value !== "";
}
