// wxmock: a `wx` for browsers and test runners. Built from packages/wxmock/src by `npm run build`; do not edit.

// src/call.ts
var Failed = class {
  fail;
  constructor(errMsg, errno) {
    this.fail = errno === void 0 ? { errMsg } : { errMsg, errno };
  }
};
var parameterError = (api, what) => new Failed(`${api}:fail parameter error: ${what};`, 1001);
var kindOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
function checkOptions(api, options, kinds) {
  for (const [name, kind] of Object.entries(kinds)) {
    const [wanted, isRequired] = [kind.replace("!", ""), kind.endsWith("!")];
    const value = options[name];
    if (value === void 0 && !isRequired) continue;
    if (kindOf(value) !== wanted) {
      throw parameterError(api, `parameter.${name} should be ${wanted} instead of ${kindOf(value)}`);
    }
  }
}
var CALLBACKS = ["success", "fail", "complete"];
var isCallback = (value) => typeof value === "function";
function plainOptions(option) {
  const plain = { ...option };
  for (const name of CALLBACKS) delete plain[name];
  return plain;
}
var hasCallback = (option) => CALLBACKS.some((name) => isCallback(option?.[name]));
function tell(callback, result) {
  if (!isCallback(callback)) return;
  try {
    callback(result);
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else
      setTimeout(() => {
        throw error;
      });
  }
}
function answer(log, api, option, run, returns = "promise or nothing") {
  const callbacks = option ?? {};
  const call = { api, options: plainOptions(option), state: "pending" };
  log.push(call);
  const done = Promise.resolve().then(() => run(call.options)).then(
    (fields) => {
      const result = { errMsg: `${api}:ok`, ...fields };
      Object.assign(call, { state: "ok", result });
      return { name: "success", result };
    },
    (error) => {
      const result = error instanceof Failed ? error.fail : { errMsg: `${api}:fail ${String(error)}` };
      Object.assign(call, { state: "fail", result });
      return { name: "fail", result };
    }
  ).then(({ name, result }) => {
    tell(callbacks[name], result);
    tell(callbacks.complete, result);
    return { name, result };
  });
  if (hasCallback(option) && returns === "promise or nothing") return void 0;
  return done.then(({ name, result }) => {
    if (name === "fail") throw result;
    return result;
  });
}

// src/storage.ts
var LIMIT_KB = 10240;
var MemoryShelf = class {
  #items = /* @__PURE__ */ new Map();
  get length() {
    return this.#items.size;
  }
  key = (index) => [...this.#items.keys()][index] ?? null;
  getItem = (key) => this.#items.get(key) ?? null;
  setItem = (key, value) => void this.#items.set(key, value);
  removeItem = (key) => void this.#items.delete(key);
};
function tabShelf() {
  try {
    return typeof document === "undefined" ? void 0 : globalThis.sessionStorage;
  } catch {
    return void 0;
  }
}
var PhoneStorage = class {
  #shelf = tabShelf() ?? new MemoryShelf();
  #prefix;
  /** `prefix` names app, person and phone: what one stores no other reads. */
  constructor(prefix) {
    this.#prefix = prefix;
  }
  #keys() {
    const prefix = this.#prefix;
    const all = Array.from({ length: this.#shelf.length }, (_, index) => this.#shelf.key(index) ?? "");
    return all.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }
  set(key, data) {
    const kept = data instanceof Date ? { date: data.getTime() } : { data };
    this.#shelf.setItem(this.#prefix + key, JSON.stringify(kept));
  }
  /** The value; `undefined` if nothing is stored under the key. */
  get(key) {
    const text2 = this.#shelf.getItem(this.#prefix + key);
    if (text2 === null) return void 0;
    const kept = JSON.parse(text2);
    return kept.date === void 0 ? kept.data ?? null : new Date(kept.date);
  }
  has(key) {
    return this.#shelf.getItem(this.#prefix + key) !== null;
  }
  remove(key) {
    this.#shelf.removeItem(this.#prefix + key);
  }
  clear() {
    for (const key of this.#keys()) this.remove(key);
  }
  info() {
    const keys = this.#keys();
    const bytes = keys.reduce((sum, key) => sum + key.length + (this.#shelf.getItem(this.#prefix + key)?.length ?? 0), 0);
    return { keys, currentSize: Math.ceil(bytes / 1024), limitSize: LIMIT_KB };
  }
};
function storageApis(storage, log) {
  const keyed = (api, option, run) => answer(log, api, option, (options) => {
    checkOptions(api, options, { key: "String!" });
    return run(options.key, options);
  });
  const get = (key) => {
    if (!storage.has(key)) throw new Failed("getStorage:fail data not found");
    return { data: storage.get(key) };
  };
  return {
    setStorage: (option) => keyed("setStorage", option, (key, { data }) => (storage.set(key, data), {})),
    getStorage: (option) => keyed("getStorage", option, get),
    removeStorage: (option) => keyed("removeStorage", option, (key) => (storage.remove(key), {})),
    clearStorage: (option) => answer(log, "clearStorage", option, () => (storage.clear(), {})),
    getStorageInfo: (option) => answer(log, "getStorageInfo", option, () => storage.info()),
    setStorageSync: (key, data) => storage.set(key, data),
    // Official: an absent key reads as an empty string.
    getStorageSync: (key) => storage.has(key) ? storage.get(key) : "",
    removeStorageSync: (key) => storage.remove(key),
    clearStorageSync: () => storage.clear(),
    getStorageInfoSync: () => storage.info()
  };
}

// src/defaults.ts
var script = { data: {} };
var SERVER = "http://127.0.0.1:8910";
var TIMEOUT_MS = 1e4;
var APPID = /^wx[0-9a-f]{16}$/;
function environment(name) {
  const value = typeof process === "undefined" ? void 0 : process.env?.[name];
  return value === "" ? void 0 : value;
}
function pageQuery(name) {
  if (typeof location === "undefined") return void 0;
  return new URLSearchParams(location.search).get(name) ?? void 0;
}
var scriptQuery = (name) => script.data[name] ?? (script.url === void 0 ? void 0 : new URL(script.url).searchParams.get(name) ?? void 0);
function defaults(options) {
  const named = (name, variable) => options[name] ?? scriptQuery(name) ?? pageQuery(name) ?? (variable === void 0 ? void 0 : environment(variable));
  const app = named("app", "WXMOCK_APPID");
  const server = options.server ?? (script.url === void 0 ? void 0 : new URL(script.url).origin) ?? environment("WXMOCK_SERVER") ?? environment("WXMOCK_URL") ?? SERVER;
  const isOurs = options.app === void 0;
  return {
    server: server.replace(/\/+$/, ""),
    app,
    appid: app !== void 0 && APPID.test(app) ? app : isOurs ? script.served?.appid : void 0,
    user: named("user", "WXMOCK_USER"),
    device: named("device") ?? tabDevice(),
    envVersion: options.envVersion ?? "develop",
    timeout: options.timeout ?? TIMEOUT_MS
  };
}
var KEPT = "wxmock-device";
var OPEN = "wxmock-open";
function tabDevice() {
  return ownDevice ??= chooseDevice();
}
var ownDevice;
function chooseDevice() {
  const served = script.served?.device;
  const shelf = tabShelf();
  if (served === void 0 || shelf === void 0) return "phone";
  const isCopy = shelf.getItem(OPEN) !== null;
  const device = (isCopy ? null : shelf.getItem(KEPT)) ?? served;
  shelf.setItem(KEPT, device);
  shelf.setItem(OPEN, "1");
  addEventListener("pagehide", () => shelf.removeItem(OPEN));
  addEventListener("pageshow", () => shelf.setItem(OPEN, "1"));
  return device;
}

// src/globals.ts
var isImmediate = (name) => name.endsWith("Sync") || name.startsWith("on") || name === "canIUse";
function uniOf(wx2) {
  const request = wx2.request;
  return { ...wx2, request: (option) => hasCallback(option) ? request(option) : request(option, "always a promise") };
}
function taroOf(wx2) {
  const promised = ([name, api]) => {
    if (isImmediate(name)) return [name, api];
    if (name === "request") return [name, (option) => api(typeof option === "string" ? { url: option } : option, "always a promise")];
    return [name, (option) => promise(api, option)];
  };
  return Object.fromEntries(Object.entries(wx2).map(promised));
}
function promise(api, option) {
  const callbacks = option ?? {};
  return new Promise((resolve, reject) => {
    api({
      ...plainOptions(option),
      success: (result) => (resolve(result), callbacks.success?.(result)),
      fail: (result) => (reject(result), callbacks.fail?.(result)),
      complete: (result) => callbacks.complete?.(result)
    });
  });
}
function installGlobals(phone2, more = {}) {
  const scope = globalThis;
  if (scope.wxmock?.phone === phone2) return () => {
  };
  const wx2 = phone2.wx;
  const before = [];
  const put = (name, value) => {
    before.push([name, Object.getOwnPropertyDescriptor(scope, name)]);
    Object.defineProperty(scope, name, { value, configurable: true, enumerable: true, writable: true });
  };
  const apis = { wx: wx2, uni: uniOf(wx2), Taro: taroOf(wx2) };
  for (const [name, calls] of Object.entries(apis)) {
    put(name, Object.assign(Object.create(scope[name] ?? Object.prototype), calls));
  }
  put("wxmock", { ...apis, ...more, phone: phone2 });
  const stopListening = listen(phone2);
  return () => {
    stopListening();
    for (const [name, descriptor] of before.reverse()) {
      if (descriptor) Object.defineProperty(scope, name, descriptor);
      else delete scope[name];
    }
  };
}
var OPEN_TYPES = ["getPhoneNumber", "getRealtimePhoneNumber", "getUserInfo", "agreePrivacyAuthorization"];
function listen(phone2) {
  if (typeof document === "undefined") return () => {
  };
  const onClick = (click) => {
    const origin = click.target;
    const button = origin?.closest?.("[open-type], [data-open-type]");
    const openType = button?.getAttribute("open-type") ?? button?.getAttribute("data-open-type");
    if (!button || !openType || !OPEN_TYPES.includes(openType) || button.hasAttribute("disabled")) return;
    void phone2.tap(openType).then(({ type, detail }) => {
      button.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
    });
  };
  document.addEventListener("click", onClick);
  return () => document.removeEventListener("click", onClick);
}

// src/transport.ts
var NoAnswer = class extends Error {
  kind;
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
};
var { setTimeout: later, clearTimeout: never } = globalThis;
async function exchange(sent) {
  let cancel = () => {
  };
  let timer;
  const over = new Promise((_, reject) => {
    timer = later(() => reject(new NoAnswer("timeout", `no answer within ${sent.timeout} ms`)), sent.timeout);
  });
  const answer2 = typeof fetch === "function" ? byFetch(sent, (stop) => cancel = stop) : typeof XMLHttpRequest === "function" ? byXhr(sent, (stop) => cancel = stop) : Promise.reject(new NoAnswer("network", "there is neither fetch nor XMLHttpRequest here"));
  try {
    return await Promise.race([answer2, over, ...sent.aborted ? [sent.aborted] : []]);
  } catch (error) {
    answer2.catch(() => {
    });
    cancel();
    throw error instanceof NoAnswer ? error : new NoAnswer("network", reason(error));
  } finally {
    never(timer);
  }
}
function reason(error) {
  let at = error;
  while (at?.cause || at?.errors?.length) at = at.cause ?? at.errors?.[0];
  return at?.code ?? at?.message ?? String(error);
}
async function byFetch(sent, onStart) {
  const signal = usableSignal();
  if (signal) onStart(() => signal.abort());
  const response = await fetch(sent.url, {
    method: sent.method,
    headers: sent.headers,
    redirect: sent.redirect ?? "follow",
    ...sent.body === void 0 ? {} : { body: sent.body },
    ...signal ? { signal: signal.signal } : {}
  });
  const headers = {};
  response.headers.forEach((value, name) => headers[name] = value);
  const cookies = response.headers.getSetCookie?.() ?? [];
  return { status: response.status, headers, cookies, body: await response.arrayBuffer() };
}
function usableSignal() {
  try {
    const controller = new AbortController();
    new Request("http://127.0.0.1/", { signal: controller.signal });
    return controller;
  } catch {
    return void 0;
  }
}
function byXhr(sent, onStart) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(sent.method, sent.url);
    xhr.responseType = "arraybuffer";
    for (const [name, value] of Object.entries(sent.headers)) xhr.setRequestHeader(name, value);
    xhr.onload = () => {
      const headers = {};
      for (const line of xhr.getAllResponseHeaders().trim().split(/[\r\n]+/)) {
        const at = line.indexOf(":");
        if (at > 0) headers[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
      }
      resolve({ status: xhr.status, headers, cookies: [], body: xhr.response });
    };
    xhr.onerror = () => reject(new NoAnswer("network", "the request failed"));
    onStart(() => xhr.abort());
    xhr.send(sent.body ?? null);
  });
}
function text(body) {
  const bytes = new Uint8Array(body);
  if (typeof TextDecoder === "function") return new TextDecoder().decode(bytes);
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
}

// src/device.ts
var BAD_REQUEST_DATA = 101;
var TIME_OUT = 5;
var Device = class {
  server;
  who;
  #timeout;
  constructor(server, who, timeout) {
    this.server = server;
    this.who = who;
    this.#timeout = timeout;
  }
  /** Asks for one `wx` call; what the mock answers is what the callback hears. `api` is what failures are named after. */
  async call(path, options, api = path) {
    const { timeout, ...rest } = options;
    const limit = typeof timeout === "number" ? timeout : this.#timeout;
    const detail = await this.#post(`/_mock/wx/${path}`, { ...this.who, ...rest }, api, limit);
    const said = String(detail.errMsg);
    const named = { ...detail, errMsg: said.replace(new RegExp(`^${path}(?=:)`), api) };
    if (!said.includes(":ok")) {
      throw new Failed(named.errMsg, detail.errno);
    }
    return named;
  }
  /** Looks at the phone, or changes what the person refuses. */
  view(api, change = {}) {
    return this.#post("/_mock/phone", { ...this.#person(), ...change }, api, this.#timeout);
  }
  /** Does something to this person's session key. */
  async pull(lever) {
    await this.#post(`/_mock/phone/${lever}`, this.#person(), lever, this.#timeout);
  }
  #person() {
    const { app, user } = this.who;
    return { ...app === void 0 ? {} : { app }, ...user === void 0 ? {} : { user } };
  }
  async #post(path, body, api, timeout) {
    const headers = { "Content-Type": "text/plain;charset=UTF-8" };
    const url = `${this.server}${path}`;
    const received2 = await exchange({ method: "POST", url, headers, body: JSON.stringify(body), timeout }).catch((error) => {
      const { kind, message } = error;
      if (kind === "timeout") throw new Failed(`${api}:fail time out`, TIME_OUT);
      throw new Failed(
        `${api}:fail the mock at ${this.server} cannot be reached (${message}); start it with "wxmock serve", or say where it is (WXMOCK_SERVER, or the option server)`
      );
    });
    const said = text(received2.body);
    let answer2;
    try {
      answer2 = JSON.parse(said);
    } catch {
      throw new Failed(`${api}:fail ${this.server} answers with status ${received2.status} and no JSON; is it wxmock?`);
    }
    const refusal = answer2.error;
    if (refusal) {
      throw new Failed(`${api}:fail ${[refusal.message, refusal.hint].filter(Boolean).join("; ")}`, BAD_REQUEST_DATA);
    }
    return answer2;
  }
};

// src/request.ts
var TIMEOUT_MS2 = 6e4;
var METHODS = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"];
var Listeners = class {
  #all = /* @__PURE__ */ new Set();
  on = (listener) => void this.#all.add(listener);
  off = (listener) => void (listener ? this.#all.delete(listener) : this.#all.clear());
  tell = (result) => this.#all.forEach((listener) => listener(result));
};
function query(data) {
  const pairs = Object.entries(data).filter(([, value]) => value !== void 0);
  return pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(stringOf(value))}`).join("&");
}
var isBytes = (data) => Object.prototype.toString.call(data) === "[object ArrayBuffer]";
var stringOf = (value) => typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
function placed(method, url, headers, data) {
  if (data === void 0 || data === null) return { url };
  const isRaw = typeof data === "string" || isBytes(data);
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") {
    const more = typeof data === "string" ? data : isRaw ? "" : query(data);
    return { url: more === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${more}` };
  }
  if (isRaw) return { url, body: data };
  const isForm = headers["content-type"]?.includes("application/x-www-form-urlencoded");
  return { url, body: isForm ? query(data) : JSON.stringify(data) };
}
function received(options, { status, headers, cookies, body }) {
  let data = body;
  if (options.responseType !== "arraybuffer") {
    data = text(body);
    if ((options.dataType ?? "json") === "json") {
      try {
        data = JSON.parse(data);
      } catch {
      }
    }
  }
  return { data, statusCode: status, header: headers, cookies };
}
function requestApi(log, appid) {
  return (option, returns) => {
    const heads = new Listeners();
    const chunks = new Listeners();
    let abort = () => {
    };
    const aborted = new Promise((_, reject) => {
      abort = () => reject(new NoAnswer("abort", "abort"));
    });
    aborted.catch(() => {
    });
    const promise2 = answer(
      log,
      "request",
      option,
      async (options) => {
        checkOptions("request", options, { url: "String!", timeout: "Number" });
        const method = String(options.method ?? "GET").toUpperCase();
        if (!METHODS.includes(method)) throw parameterError("request", `parameter.method should be one of ${METHODS.join(", ")}`);
        const headers = { "content-type": "application/json" };
        for (const [name, value] of Object.entries(options.header ?? {})) headers[name.toLowerCase()] = String(value);
        if (typeof document === "undefined") headers.referer = `https://servicewechat.com/${appid()}/devtools/page-frame.html`;
        const { url, body } = placed(method, String(options.url), headers, options.data);
        if (body === void 0 && !hasHeader(option, "content-type")) delete headers["content-type"];
        const timeout = options.timeout ?? TIMEOUT_MS2;
        const redirect = options.redirect === "manual" ? "manual" : "follow";
        const sent = { method, url, headers, timeout, aborted, redirect, ...body === void 0 ? {} : { body } };
        const answered = await exchange(sent).catch((error) => {
          if (error.kind === "timeout") throw new Failed("request:fail timeout", 5);
          if (error.kind === "abort") throw new Failed("request:fail abort");
          throw new Failed(`request:fail ${error.message} (${url}); in a browser the backend must also allow this page's origin (CORS)`);
        });
        heads.tell({ header: answered.headers, statusCode: answered.status, cookies: answered.cookies });
        if (options.enableChunked === true) chunks.tell({ data: answered.body });
        return received(options, answered);
      },
      returns
    );
    if (!returns) promise2?.catch(() => {
    });
    const task = {
      abort: () => abort(),
      onHeadersReceived: heads.on,
      offHeadersReceived: heads.off,
      onChunkReceived: chunks.on,
      offChunkReceived: chunks.off
    };
    return returns ? Object.assign(promise2, task) : task;
  };
}
var hasHeader = (option, name) => Object.keys(option.header ?? {}).some((given) => given.toLowerCase() === name);

// src/scopes.ts
var SCOPES = {
  "scope.addPhoneCalendar": void 0,
  "scope.addPhoneContact": void 0,
  "scope.address": void 0,
  "scope.bluetooth": void 0,
  "scope.camera": void 0,
  "scope.invoice": void 0,
  "scope.invoiceTitle": void 0,
  "scope.record": void 0,
  "scope.userFuzzyLocation": void 0,
  "scope.userInfo": "user_info",
  "scope.userLocation": void 0,
  "scope.werun": "werun",
  "scope.writePhotosAlbum": void 0
};
var ASKING = { getUserInfo: "scope.userInfo", getWeRunData: "scope.werun" };
var USER_DENIED = 103;
var Scopes = class {
  #said;
  constructor(said) {
    this.#said = said;
  }
  /** `authSetting`: only what the person was asked for. */
  setting() {
    const asked = Object.keys(SCOPES).filter((scope) => this.#said.has(scope));
    return Object.fromEntries(asked.map((scope) => [scope, this.#said.get(scope)]));
  }
  /** Asks for a scope; who has refused is not asked again. Not asked of the person: what the mini program lacks. */
  async authorize(scope, look) {
    if (!Object.hasOwn(SCOPES, scope)) throw parameterError("authorize", `parameter.scope should be one of ${Object.keys(SCOPES).join(", ")}`);
    if (!this.#said.has(scope)) {
      const name = SCOPES[scope];
      this.#said.set(scope, name === void 0 || !(await look()).switches[name].startsWith("deny"));
    }
    if (this.#said.get(scope) === false) throw new Failed("authorize:fail auth deny", USER_DENIED);
  }
  /** Remembers what a call that asks by itself was told. */
  async remember(api, call) {
    const scope = ASKING[api];
    if (scope === void 0) return call;
    try {
      const given = await call;
      this.#said.set(scope, true);
      return given;
    } catch (error) {
      if (error instanceof Failed && error.fail.errno === USER_DENIED) this.#said.set(scope, false);
      throw error;
    }
  }
  /** The person opens the settings and turns a switch: the next question is open again. */
  forget(name) {
    for (const [scope, by] of Object.entries(SCOPES)) if (by === name) this.#said.remove(scope);
  }
  clear() {
    this.#said.clear();
  }
};

// src/phone.ts
var PRIVACY_ERRNO = 104;
var SWITCHES = { userInfo: "user_info", phone: "phone", werun: "werun", login: "login" };
var DENIALS = {
  user: "deny",
  android: "deny_android",
  privacy: "privacy",
  permission: "no_permission",
  quota: "no_quota",
  timeout: "timeout",
  blocked: "blocked"
};
var MockPhone = class {
  wx;
  #settings;
  #device;
  #storage;
  #scopes;
  #log = [];
  #appid;
  #onNeedPrivacy;
  constructor(options = {}) {
    const settings = defaults(options);
    const { server, app, user, device } = settings;
    this.#settings = settings;
    this.#appid = settings.appid;
    this.#device = new Device(server, { ...app === void 0 ? {} : { app }, ...user === void 0 ? {} : { user }, device }, settings.timeout);
    const place = `${app ?? ""}:${user ?? ""}:${device}:`;
    this.#storage = new PhoneStorage(`wxmock:${place}`);
    this.#scopes = new Scopes(new PhoneStorage(`wxmock-scope:${place}`));
    this.wx = this.#apis();
  }
  get server() {
    return this.#settings.server;
  }
  get device() {
    return this.#settings.device;
  }
  async ready() {
    const { appid, user } = await thrown(this.#view("ready"));
    return { appid, user, device: this.device };
  }
  async expireKey() {
    await thrown(this.#device.pull("expireKey"));
  }
  async rotateKey() {
    await thrown(this.#device.pull("rotateKey"));
  }
  async allow(what) {
    this.#scopes.forget(SWITCHES[what]);
    await this.#switch({ [SWITCHES[what]]: what === "login" ? "works" : "allow" });
  }
  async deny(what, how = what === "login" ? "timeout" : "user") {
    this.#scopes.forget(SWITCHES[what]);
    await this.#switch({ [SWITCHES[what]]: DENIALS[how] });
  }
  async requirePrivacy() {
    await this.#switch({ user_info: "privacy", phone: "privacy", werun: "privacy" });
  }
  async tap(openType, handler) {
    const run = async () => {
      if (openType === "agreePrivacyAuthorization") return this.#agree();
      if (openType === "getUserInfo") {
        return this.#scopes.remember(openType, this.#openData(openType, openType, {}, `button.${openType}`));
      }
      return this.#phoneNumber(openType);
    };
    const promise2 = answer(this.#log, openType, {}, run);
    const detail = await promise2.catch((fail) => fail);
    const event = { type: openType.toLowerCase(), timeStamp: Math.round(globalThis.performance?.now() ?? 0), detail };
    handler?.(event);
    return event;
  }
  calls(api) {
    return this.#log.filter((call) => api === void 0 || call.api === api);
  }
  reset() {
    this.#log.length = 0;
    this.#storage.clear();
    this.#scopes.clear();
    this.#onNeedPrivacy = void 0;
  }
  /** Every API of the type, each by the convention of its kind. */
  #apis() {
    const later2 = (api, run) => (option) => answer(this.#log, api, option, run);
    const openData = (api, check = () => {
    }) => later2(api, (options) => {
      check(options);
      return this.#scopes.remember(api, this.#openData(api, api, options, api));
    });
    const apis = {
      login: later2("login", (options) => {
        checkOptions("login", options, { timeout: "Number" });
        return this.#device.call("login", pick(options, "timeout"));
      }),
      checkSession: later2("checkSession", () => this.#device.call("checkSession", {})),
      getUserProfile: openData(
        "getUserProfile",
        (options) => checkOptions("getUserProfile", options, { desc: "String!", lang: "String" })
      ),
      getUserInfo: openData(
        "getUserInfo",
        (options) => checkOptions("getUserInfo", options, { lang: "String", withCredentials: "Boolean" })
      ),
      getWeRunData: openData("getWeRunData"),
      getSetting: later2("getSetting", async () => ({ authSetting: this.#scopes.setting() })),
      authorize: later2("authorize", async (options) => {
        checkOptions("authorize", options, { scope: "String!" });
        await this.#scopes.authorize(options.scope, () => this.#view("authorize"));
        return {};
      }),
      getAccountInfoSync: () => this.#accountInfo(),
      getPrivacySetting: later2("getPrivacySetting", async () => {
        const view = await this.#view("getPrivacySetting");
        return { needAuthorization: needsPrivacy(view), privacyContractName: `《${view.app}小程序隐私保护指引》` };
      }),
      onNeedPrivacyAuthorization: (listener) => void (this.#onNeedPrivacy = listener),
      requirePrivacyAuthorize: later2("requirePrivacyAuthorize", async () => {
        const api = "requirePrivacyAuthorize";
        if (needsPrivacy(await this.#view(api)) && !await this.#askPrivacy(api)) {
          throw new Failed(`${api}:fail privacy permission is not authorized`, PRIVACY_ERRNO);
        }
        return {};
      }),
      request: requestApi(this.#log, () => this.#appid ?? ""),
      ...storageApis(this.#storage, this.#log),
      canIUse: (schema) => Object.hasOwn(apis, schema.split(".")[0] ?? "")
    };
    return apis;
  }
  /** Open data under the key of this moment; asks for privacy consent where that is what is missing. */
  async #openData(path, api, options, referrer) {
    const ask = () => this.#device.call(path, pick(options, "desc", "lang", "withCredentials"), api);
    const fields = await ask().catch(async (error) => {
      const isPrivacy = error instanceof Failed && error.fail.errno === PRIVACY_ERRNO;
      if (!isPrivacy || !await this.#askPrivacy(referrer)) throw error;
      return ask();
    });
    return "encryptedData" in fields ? { cloudID: "", ...fields } : fields;
  }
  /** The phone button. The real-time one hands out a code and nothing sealed. */
  async #phoneNumber(openType) {
    const fields = await this.#openData("getPhoneNumber", openType, {}, `button.${openType}`);
    return openType === "getPhoneNumber" ? fields : { code: fields.code, errMsg: fields.errMsg };
  }
  /** Whether the person accepts the privacy agreement, now that a page must ask. Without a listener nobody asks them. */
  #askPrivacy(referrer) {
    const listener = this.#onNeedPrivacy;
    if (!listener) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const choose = ({ event }) => {
        if (event === "agree") this.#agree().then(() => resolve(true), reject);
        else if (event === "disagree") resolve(false);
      };
      listener(choose, { referrer });
    });
  }
  /** The person accepts the privacy agreement; what they deny otherwise stays denied. */
  async #agree() {
    const { switches } = await this.#view("agreePrivacyAuthorization");
    const waiting = Object.entries(switches).filter(([, consent]) => consent === "privacy");
    await this.#device.view("agreePrivacyAuthorization", { switches: Object.fromEntries(waiting.map(([name]) => [name, "allow"])) });
    return {};
  }
  #accountInfo() {
    if (this.#appid === void 0) {
      throw new Error(
        `getAccountInfoSync:fail the appid is not known before the mock at ${this.server} has answered; await phone.ready() first, or name it (WXMOCK_APPID, or the option app)`
      );
    }
    return { miniProgram: { appId: this.#appid, envVersion: this.#settings.envVersion, version: "" } };
  }
  async #view(api) {
    const view = await this.#device.view(api);
    this.#appid = view.appid;
    return view;
  }
  async #switch(switches) {
    await thrown(this.#device.view("phone", { switches }));
  }
};
var needsPrivacy = ({ switches }) => Object.values(switches).includes("privacy");
function pick(options, ...names) {
  return Object.fromEntries(names.filter((name) => options[name] !== void 0).map((name) => [name, options[name]]));
}
async function thrown(promise2) {
  try {
    return await promise2;
  } catch (error) {
    throw error instanceof Failed ? Object.assign(new Error(error.fail.errMsg), error.fail) : error;
  }
}

// src/index.ts
var createPhone = (options) => new MockPhone(options);

// src/shared.ts
var PLACE = /* @__PURE__ */ Symbol.for("wxmock.phone");
function sharedPhone() {
  const scope = globalThis;
  return scope[PLACE] ??= createPhone();
}

// src/served.ts
var SERVED = "__wxmock";
function start(url, data = {}) {
  const scope = globalThis;
  if (url !== void 0) script.url = url;
  script.data = data;
  script.served = scope[SERVED];
  delete scope[SERVED];
  const phone2 = sharedPhone();
  installGlobals(phone2, { createPhone, installGlobals });
  scope.phone ??= phone2;
  return phone2;
}

// src/module.ts
var phone = start(import.meta.url);
var { wx } = phone;
export {
  createPhone,
  installGlobals,
  phone,
  wx
};
