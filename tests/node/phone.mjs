// A phone for the client: `wx` and `wx.qy` as WeCom has them, and a clock that only the test moves.
import fs from 'node:fs';
import vm from 'node:vm';
import { setImmediate as nextTurn } from 'node:timers/promises';
import YAML from 'yaml';

export const root = new URL('../../', import.meta.url);
export const read = path => fs.readFileSync(new URL(path, root), 'utf8');
export const openapi = YAML.parse(read('docs/openapi.yaml'));

const clientSource = read('src/miniprogram/miniprogram_dist/index.js');

/** What has crossed a border between realms, to be compared with what has not. */
export const plain = value => JSON.parse(JSON.stringify(value ?? null));

/** Never calls back. */
export const silence = Symbol('silence');

/** The problems that a route may answer, by code: { status, headers, body }. */
export function problemsOf(path) {
  const found = {};
  for (const [status, response] of Object.entries(openapi.paths[path].post.responses)) {
    const { content, headers } = response.$ref ? openapi.components.responses[response.$ref.split('/').at(-1)] : response;
    for (const [code, { value }] of Object.entries(content?.['application/problem+json']?.examples ?? {})) {
      found[code] = { status: Number(status), headers: headers['Retry-After'] ? { 'Retry-After': '3' } : {}, body: value };
    }
  }
  return found;
}

export const answer = (status, body, headers = {}) => ({ status, body, headers });
export const problem = (code, headers, path = '/login') => {
  const known = problemsOf(path)[code];
  return answer(known.status, known.body, headers ?? known.headers);
};
export const member = (more = {}) => answer(200, { userid: 'zhangsan', corpid: 'ww1234567890abcdef', profile: { name: '张三' }, ...more });
export const lost = (errMsg = 'request:fail', errno = 600001) => ({ errMsg, errno });

export class Phone {
  /** @param service What it posts to: takes { url, path, body, header }, gives `answer()`, `lost()`, `silence`, or a promise of one. */
  constructor(service, { inWeCom = true, os = 'ios', hasErrno = true, storage = new Map(), ahead = 0 } = {}) {
    Object.assign(this, { service, os, hasErrno, storage, ahead });
    /** What wx.qy.login is to do next: a code, '' or null, an Error to fail with, or silence. */
    this.codes = [];
    this.posts = [];
    /** How long the client has waited at a time, in s. */
    this.waits = [];
    this.aborted = 0;
    this.now = Date.UTC(2026, 10, 25, 8, 30);
    this.timers = new Set();
    this.pending = new Set();
    this.qy = {
      login: options => this.#call(options, this.#nextCode(), code => ({ code, errMsg: 'qy__login:ok' })),
    };
    const storageOf = act => key => {
      if (this.storage === null) throw new Error('storage:fail');
      return act(key);
    };
    this.wx = {
      ...(inWeCom ? { qy: this.qy } : {}),
      request: options => this.#request(options),
      getStorageSync: storageOf(key => this.storage.get(key) ?? ''),
      setStorageSync: (key, value) => storageOf(() => this.storage.set(key, value))(key),
      removeStorageSync: storageOf(key => this.storage.delete(key)),
    };
    // Nothing else is there: no process, no console, no URL, no fetch.
    const scope = vm.createContext({
      wx: this.wx,
      module: { exports: {} },
      setTimeout: (act, ms) => {
        const timer = { act, at: this.now + ms };
        this.timers.add(timer);
        return timer;
      },
      clearTimeout: timer => this.timers.delete(timer),
    });
    this.scope = scope;
    scope.phoneTime = () => this.now + this.ahead;
    vm.runInContext('Date.now = phoneTime; delete globalThis.phoneTime;', scope);
    vm.runInContext(clientSource, scope, { filename: 'miniprogram_dist/index.js' });
    Object.assign(this, scope.module.exports);
  }

  client(options) {
    return this.createClient({ url: 'https://login.example.com/api', functionKey: 'the-function-key', ...options });
  }

  /** Adds a call of wx.qy that gives encrypted data, or an Error to fail with, or is silent. */
  gives(name, what) {
    const phone = this;
    this.qy[name] = function (options) {
      if (this !== phone.qy) throw new Error(`${name} is called without its wx.qy.`);
      phone.#call(options, what(), data => ({ ...data, errMsg: `qy__${name}:ok` }));
    };
  }

  /** Runs a script of a mini program that uses the client, with what else is there. */
  load(source, globals) {
    Object.assign(this.scope, globals, {
      require: name => {
        if (name !== 'wecomfunc-miniprogram') throw new Error(`There is no ${name}.`);
        return { createClient: this.createClient, LoginError: this.LoginError };
      },
    });
    vm.runInContext(`{${source}\n}`, this.scope);
  }

  /** Goes on until nothing happens any more. */
  async settle() {
    for (;;) {
      await nextTurn();
      if (this.pending.size) await Promise.race(this.pending);
      else if (!this.#nextTimer()) return;
    }
  }

  /** Goes on until it is known what comes of something, and lets time pass only where nothing else happens. */
  async run(promise) {
    const outcome = promise.then(value => ({ value }), error => ({ error }));
    let result;
    outcome.then(known => (result = known));
    for (;;) {
      await nextTurn();
      if (result) break;
      if (this.pending.size) {
        await Promise.race(this.pending);
        continue;
      }
      if (!this.#nextTimer()) throw new Error('It waits for nothing.');
    }
    if (result.error) throw result.error;
    return result.value;
  }

  /** As ['in', the userid] or ['out', the code], with the codes that were posted and the seconds that were waited. */
  async outcome(promise) {
    const end = await this.run(promise).then(value => ['in', value.userid ?? plain(value)], error => {
      if (!(error instanceof this.LoginError)) throw error;
      return ['out', error.code];
    });
    return [...end, this.posts.map(post => post.body.code).filter(Boolean).join(), this.waits.join()];
  }

  pass(seconds) {
    this.now += seconds * 1000;
  }

  async fails(promise) {
    return this.run(promise).then(value => {
      throw new Error(`It succeeded: ${JSON.stringify(value)}`);
    }, error => error);
  }

  #nextCode() {
    return this.codes.length ? this.codes.shift() : `CODE${this.posts.length + 1}`;
  }

  /** Lets time pass until the next timer; false where there is none. */
  #nextTimer() {
    const [next] = [...this.timers].sort((one, other) => one.at - other.at);
    if (!next) return false;
    this.timers.delete(next);
    if (next.at > this.now) this.waits.push((next.at - this.now) / 1000);
    this.now = next.at;
    next.act();
    return true;
  }

  /** Calls back later, and never twice. */
  #later(work) {
    const done = Promise.resolve().then(() => nextTurn()).then(work).finally(() => this.pending.delete(done));
    this.pending.add(done);
  }

  #call(options, what, success) {
    if (what === silence) return;
    this.#later(async () => {
      const given = await what;
      if (given instanceof Error) options.fail?.({ errMsg: given.message, ...given });
      else options.success?.(success(given));
    });
  }

  #request({ url, method, header, data, success, fail, timeout }) {
    if (!/^https?:\/\//.test(url) || method !== 'POST' || !(timeout > 0)) throw new Error(`request:fail ${method} ${url}`);
    const post = { url, path: new URL(url).pathname.replace(/^\/api/, ''), header: { ...header }, body: plain(data) };
    this.posts.push(post);
    let ended = false;
    const end = (callback, value) => {
      if (ended) return;
      ended = true;
      callback(value);
    };
    const reply = this.service(post, this.posts.length);
    if (reply !== silence) {
      this.#later(async () => {
        const given = await reply;
        if (given.errMsg !== undefined) return end(fail, { errMsg: given.errMsg, ...(this.hasErrno ? { errno: given.errno } : {}) });
        return end(success, { statusCode: given.status, errMsg: 'request:ok', header: this.#headers(given), data: this.#body(given) });
      });
    }
    return {
      abort: () => {
        this.aborted++;
        this.#later(() => end(fail, { errMsg: 'request:fail abort' }));
      },
    };
  }

  /** The names of headers are in the case that this system, or HTTP/2, gives them. */
  #headers({ headers }) {
    const cased = name => (this.os === 'ios' ? name.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase()) : name.toLowerCase());
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [cased(name), value]));
  }

  /** JSON is parsed; on Android only where it is called application/json, so that both are met. */
  #body({ body, status }) {
    if (typeof body !== 'object' || body === null) return body ?? '';
    return this.os === 'ios' || status === 200 ? plain(body) : JSON.stringify(body);
  }
}

/** Answers one after the other, and complains when there are no more. */
export const inOrder = (...answers) => () => {
  if (!answers.length) throw new Error('One post too many.');
  return answers.shift();
};
