// The login of a WeCom (企业微信) mini program by WeComFunc. MIT licence, Copyright (c) 2026 The WeComFunc authors.
//
// ES2015 without classes and without async: a package's folder reaches the phone as it lies here, or through the developer tools' plain
// "ES6 to ES5", which has no runtime for async and breaks what inherits from Error. Of Promise, no order is relied on: on iOS it may be one
// that is made of setTimeout.
'use strict';

/** The session token is replaced so long before its end, in ms: a request that it is sent with has to arrive. */
const MARGIN = 60 * 1000;

/** So much of the session has to be left for a member to read a dialog, in ms; half of it where the whole is shorter than twice this. */
const READING = 5 * 60 * 1000;

/** So long a dialog may be open, in ms: other logins wait for it. */
const ASKING = 5 * 60 * 1000;

/** The shortest and the longest session that the service gives, in ms. */
const SHORTEST = 5 * 60 * 1000;
const LONGEST = 24 * 60 * 60 * 1000;

/** What the service's own problems begin with; whatever else is no 200 comes from the platform in front of it. */
const PROBLEM = 'urn:wecomfunc:problem:';

/** The errCode of WeCom's calls where the session_key has ended, or its code was never exchanged. */
const LOGIN_NEEDED = 42013;

/** What may help, by code: how often at most, counted by cause, and after how many seconds where the answer says nothing of that. */
const REMEDIES = {
  invalid_code: { cause: 'code', times: 1, seconds: 0 },
  other_app: { cause: 'app', times: 1, seconds: 0 },
  wecom_busy: { cause: 'busy', times: 3, seconds: 2 },
  too_many_requests: { cause: 'busy', times: 3, seconds: 2 },
  no_code: { cause: 'lost', times: 1, seconds: 1 },
  unreachable: { cause: 'lost', times: 1, seconds: 1 },
  unexpected_answer: { cause: 'lost', times: 1, seconds: 1 },
};

/** How the service refuses an app that it no longer has, or that is no longer associated with the mini program. */
const REFUSALS_OF_AN_APP = ['invalid_request', 'invalid_code', 'misconfigured'];

const ADVICE = {
  200: 'It is not an answer of WeComFunc: url must be the address of its /api.',
  401: 'The function key is missing or wrong.',
  403: 'The platform lets nobody in: the app may be stopped, or this network not allowed.',
  404: 'url must be the address of its /api, such as https://login.example.com/api.',
};

/** Why there is no login, no session or no data. It never holds a code or a token. */
function LoginError(problem) {
  Object.keys(problem).forEach(name => {
    if (problem[name] !== undefined) this[name] = problem[name];
  });
  this.message = `${problem.code}: ${problem.title} ${problem.detail}`;
  this.stack = new Error(this.message).stack;
}

LoginError.prototype = Object.create(Error.prototype, {
  constructor: { value: LoginError, configurable: true, writable: true },
  name: { value: 'LoginError', configurable: true, writable: true },
});

function failure(code, retryable, title, detail, errcode) {
  return new LoginError({ code, title, detail, status: 0, retryable, errcode });
}

function notInWeCom() {
  return failure('not_in_wecom', false, 'This is not WeCom.', 'Open the mini program in WeCom (企业微信).');
}

function noCode(reason) {
  return failure('no_code', true, 'WeCom gave no code.', `wx.qy.login: ${reason}`);
}

function unreachable(reason) {
  const isForbidden = reason.errno === 600002 || /domain list/.test(reason.errMsg);
  return failure(
    'unreachable', !isForbidden, 'The login cannot be reached.',
    isForbidden ? `${reason.errMsg}: add the domain to the request domains at mp.weixin.qq.com.` : `wx.request: ${reason.errMsg}`);
}

/** The problem that an answer is. */
function problemOf(answer) {
  const status = answer.statusCode;
  const data = answer.data;
  const retryAfter = secondsOf(headerOf(answer.header, 'retry-after'));
  if (data && typeof data.code === 'string' && typeof data.type === 'string' && data.type.indexOf(PROBLEM) === 0) {
    return new LoginError({
      code: data.code, title: data.title, detail: data.detail, status, retryable: data.retryable === true,
      traceId: data.traceId, errcode: data.errcode, app: data.app, retryAfter,
    });
  }
  return new LoginError({
    code: 'unexpected_answer', title: `The answer, HTTP ${status}, is not from WeComFunc.`,
    detail: ADVICE[status] || 'The platform in front of it answered.', status, retryable: status === 429 || status >= 500, retryAfter,
  });
}

/** Names of headers come as the phone received them, in any case. */
function headerOf(headers, name) {
  const key = Object.keys(headers || {}).find(each => each.toLowerCase() === name);
  return key && String(headers[key]);
}

function secondsOf(text) {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What was received, parsed: the phone itself may do that for application/json only. */
function parsed(answer) {
  if (typeof answer.data !== 'string') return answer;
  try {
    return Object.assign({}, answer, { data: JSON.parse(answer.data) });
  } catch (_) {
    return answer;
  }
}

function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** Begins something that calls back, and gives up on it after a while. `begin` returns what ends it, if anything does. */
function within(ms, late, begin) {
  return new Promise((resolve, reject) => {
    let end;
    const timer = setTimeout(() => {
      reject(late());
      if (end) end();
    }, ms);
    const settling = settle => value => {
      clearTimeout(timer);
      settle(value);
    };
    end = begin(settling(resolve), settling(reject));
  });
}

function isInWeCom() {
  return typeof wx !== 'undefined' && Boolean(wx.qy) && typeof wx.qy.login === 'function';
}

/** See index.d.ts. */
function createClient(options) {
  const url = options && options.url;
  if (!/^https?:\/\/[^/]/.test(url)) {
    throw new TypeError('url must be the address of WeComFunc\'s /api, such as https://login.example.com/api');
  }
  const base = url.replace(/\/+$/, '');
  const key = `wecomfunc.app ${base}`;
  const timeout = options.timeout || 20 * 1000;
  const patience = options.patience === undefined ? 60 * 1000 : options.patience;

  const underWay = new Map();
  let turn = Promise.resolve();
  let kept;

  /**
   * One thing after the other: a login that came between a call of wx.qy and the login before it would change the key that the call's data
   * is encrypted with. Who asks for the same while it is under way shares it.
   */
  function once(what, work) {
    if (!underWay.has(what)) {
      const result = turn.then(work);
      const end = () => {
        underWay.delete(what);
      };
      underWay.set(what, result);
      turn = result.then(end, end);
    }
    return underWay.get(what);
  }

  /** Tries until it succeeds, or nothing helps any more, or the waiting would take longer than anybody has patience for. */
  function persist(attempt) {
    const times = {};
    let waited = 0;
    const go = () => attempt().catch(error => {
      const pause = pauseAfter(error, times);
      if (pause === undefined || waited + pause > patience) throw error;
      waited += pause;
      return sleep(pause).then(go);
    });
    return go();
  }

  function pauseAfter(error, times) {
    const remedy = REMEDIES[error.code];
    if (!remedy || (remedy.cause === 'lost' && !error.retryable)) return undefined;
    times[remedy.cause] = (times[remedy.cause] || 0) + 1;
    return times[remedy.cause] > remedy.times ? undefined : 1000 * (error.retryAfter === undefined ? remedy.seconds : error.retryAfter);
  }

  function send(path, data, token) {
    const header = { 'content-type': 'application/json' };
    if (options.functionKey) header['x-functions-key'] = options.functionKey;
    if (token) header.authorization = `Bearer ${token}`;
    return within(timeout, () => unreachable({ errMsg: `no answer within ${timeout} ms` }), (resolve, reject) => {
      // Older phones do not know this timeout, and have one of a minute.
      const task = wx.request({
        url: base + path, method: 'POST', header, data, timeout, success: resolve, fail: reason => reject(unreachable(reason || {})),
      });
      return () => task && task.abort && task.abort();
    }).then(parsed);
  }

  function getCode() {
    if (!isInWeCom()) return Promise.reject(notInWeCom());
    return within(timeout, () => noCode(`no answer within ${timeout} ms`), (resolve, reject) => {
      wx.qy.login({
        timeout,
        success: result => (result && result.code ? resolve(result.code) : reject(noCode('an empty code'))),
        fail: reason => reject(noCode((reason && reason.errMsg) || 'fail')),
      });
    });
  }

  function logIn() {
    const known = recall();
    return logInTo(known || options.app).catch(error => {
      if (!known || recall() !== known || REFUSALS_OF_AN_APP.indexOf(error.code) < 0) throw error;
      remember(undefined);
      return logInTo(options.app);
    });
  }

  /** Every try begins with a new code: of one that was sent, nobody knows whether it has arrived. */
  function logInTo(app) {
    return persist(() => getCode().then(code => {
      const began = Date.now();
      return send('/login', app ? { code, app } : { code }).then(answer => {
        if (answer.statusCode === 200 && answer.data && answer.data.userid) {
          keep(answer.data.session, answer.header, began);
          return answer.data;
        }
        const problem = problemOf(answer);
        if (problem.code === 'other_app' && problem.app) {
          app = problem.app;
          remember(app);
        }
        throw problem;
      });
    }));
  }

  /**
   * The phone's clock may be wrong, so how long the session is good is the difference of two times of the service, its end and the
   * answer's Date; it is counted from before the request, so rather too short. Without a Date the phone's clock has to do, and what cannot
   * be true by it is taken for the shortest session.
   */
  function keep(session, headers, began) {
    if (!session || typeof session.token !== 'string') {
      kept = undefined;
      return;
    }
    const answered = Date.parse(headerOf(headers, 'date'));
    const lifetime = Date.parse(session.expiresAt) - (isNaN(answered) ? Date.now() : answered);
    const isCredible = lifetime > 0 && lifetime <= LONGEST;
    kept = { token: session.token, memberData: session.memberData, began, lifetime: isCredible ? lifetime : SHORTEST };
  }

  /** What is left of the session in memory, in ms; nothing when the phone's clock was set back meanwhile. */
  function left() {
    const passed = kept ? Date.now() - kept.began : -1;
    return passed < 0 ? 0 : kept.lifetime - passed;
  }

  function recall() {
    try {
      const app = (options.storage || wx).getStorageSync(key);
      return typeof app === 'string' && app ? app : undefined;
    } catch (_) {
      return undefined;
    }
  }

  /** A phone that remembers nothing asks once more at the next login, and that is all. */
  function remember(app) {
    try {
      const storage = options.storage || wx;
      if (app) storage.setStorageSync(key, app);
      else storage.removeStorageSync(key);
    } catch (_) {
      // As said.
    }
  }

  function login() {
    return once('login', logIn);
  }

  function session(refused) {
    if (kept && kept.token !== refused && left() > MARGIN) return Promise.resolve(kept.token);
    return login().then(answer => {
      if (!answer.session) throw noSession();
      return answer.session.token;
    });
  }

  function noSession() {
    return failure('no_session', false, 'The service gives no sessions.', 'Its operator turns them on with Session__Issuer.');
  }

  function noMemberData(isForNow) {
    return failure(
      'no_member_data', isForNow, 'The service cannot open member data.',
      isForNow ? 'It could not keep this session\'s key; try again later.' : 'Its operator turns that on with MemberData__Enabled.');
  }

  function memberData(call) {
    if (!isInWeCom()) return Promise.reject(notInWeCom());
    if (typeof call !== 'function') {
      return Promise.reject(failure('not_given', false, 'This WeCom has no such call.', 'Update WeCom (企业微信).'));
    }
    return once(call, () => isFitForData().then(isFit => (isFit ? Promise.resolve() : logIn())
      .then(() => ask(call))
      .catch(error => {
        const isOld = error.code === 'invalid_session' || error.errcode === LOGIN_NEEDED;
        // Behind our back somebody may have called wx.qy.login, and WeCom may have taken another key since.
        if (!isOld && !(isFit && error.code === 'invalid_data')) throw error;
        return logIn().then(() => ask(call));
      })));
  }

  /** Whether the session in memory will do, by all that can be known before a member is asked. */
  function isFitForData() {
    if (!kept || kept.memberData !== true || left() < Math.min(READING, kept.lifetime / 2)) return Promise.resolve(false);
    if (typeof wx.qy.checkSession !== 'function') return Promise.resolve(true);
    return within(timeout, noSession, (success, fail) => {
      wx.qy.checkSession({ success, fail });
    }).then(() => true, () => false);
  }

  function ask(call) {
    if (!kept) throw noSession();
    if (kept.memberData !== true) throw noMemberData(kept.memberData === false);
    const token = kept.token;
    return sealed(call).then(data => persist(() => send('/member-data', data, token).then(answer => {
      if (answer.statusCode === 200 && answer.data && answer.data.data) return answer.data.data;
      throw answer.statusCode === 404 ? noMemberData(false) : problemOf(answer);
    })));
  }

  function sealed(call) {
    const notGiven = reason => failure(
      'not_given', true, 'WeCom or the member did not give the data.', reason.errMsg || 'fail', reason.errCode);
    return within(ASKING, () => notGiven({ errMsg: 'no answer' }), (resolve, reject) => {
      call.call(wx.qy, {
        success: result => (result && result.encryptedData && result.iv
          ? resolve({ encryptedData: result.encryptedData, iv: result.iv })
          : reject(notGiven({ errMsg: 'without encryptedData and iv' }))),
        fail: reason => reject(notGiven(reason || {})),
      });
    });
  }

  return { login, session, memberData, isInWeCom };
}

module.exports = { createClient, LoginError };
