// The session of the client: how long it is kept, who shares it, when it is renewed.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Phone, lost, member, problem, problemsOf, silence } from './phone.mjs';

const hour = 3600;

/** Gives a session of an hour for every code, with the service's clock in the header Date, and opens data with it as the service does. */
class Service {
  constructor({ lifetime = hour, hasDate = true, sessions = true, memberData = true } = {}) {
    Object.assign(this, { lifetime, hasDate, sessions, memberData, logins: 0, opened: [], ended: new Set(), next: [] });
  }

  answer(phone, post) {
    if (this.next.length) {
      const next = this.next.shift();
      if (next) return next;
    }
    return post.path === '/login' ? this.#login(phone) : this.#open(post);
  }

  #login(phone) {
    const token = `TOKEN${++this.logins}`;
    const session = { token, expiresAt: new Date(phone.now + this.lifetime * 1000).toISOString().replace('.000Z', 'Z') };
    if (this.memberData !== null) session.memberData = this.memberData;
    const { status, body } = member(this.sessions ? { session } : {});
    return { status, body, headers: this.hasDate ? { date: new Date(phone.now).toUTCString() } : {} };
  }

  #open({ header, body }) {
    const token = header.authorization.replace('Bearer ', '');
    if (this.ended.has(token)) return problem('invalid_session', {}, '/member-data');
    this.opened.push(token);
    // Only the key of the session's own login opens it.
    if (body.encryptedData !== `key of ${token}`) return problem('invalid_data', {}, '/member-data');
    return { status: 200, body: { data: { mobile: '13800000000' } }, headers: {} };
  }
}

function start(service, options) {
  const phone = new Phone(post => service.answer(phone, post), options);
  phone.gives('getMobile', () => ({ encryptedData: `key of TOKEN${service.logins}`, iv: 'iv' }));
  return [phone, phone.client()];
}

test('the session token is kept and renewed a minute before its end', async () => {
  const service = new Service();
  const [phone, client] = start(service);

  assert.equal(await phone.run(client.session()), 'TOKEN1');
  phone.pass(hour - 61);
  assert.equal(await phone.run(client.session()), 'TOKEN1');
  phone.pass(1);
  assert.equal(await phone.run(client.session()), 'TOKEN2');
});

for (const [name, ahead] of [['two hours ahead', 2 * hour], ['a day ahead', 24 * hour], ['two hours behind', -2 * hour]]) {
  test(`a phone's clock that is ${name} changes nothing of that`, async () => {
    const [phone, client] = start(new Service(), { ahead: ahead * 1000 });

    assert.equal(await phone.run(client.session()), 'TOKEN1');
    phone.pass(hour - 61);
    assert.equal(await phone.run(client.session()), 'TOKEN1');
    phone.pass(1);
    assert.equal(await phone.run(client.session()), 'TOKEN2');
  });
}

test('without a Date the phone\'s clock has to do', async () => {
  const [phone, client] = start(new Service({ hasDate: false }));

  await phone.run(client.session());
  phone.pass(hour - 61);
  assert.equal(await phone.run(client.session()), 'TOKEN1');
  phone.pass(1);
  assert.equal(await phone.run(client.session()), 'TOKEN2');
});

for (const ahead of [2 * hour, -30 * hour]) {
  test(`without a Date and with a clock that is ${ahead} s ahead it is taken for a session of five minutes`, async () => {
    const [phone, client] = start(new Service({ hasDate: false }), { ahead: ahead * 1000 });

    await phone.run(client.session());
    phone.pass(239);
    assert.equal(await phone.run(client.session()), 'TOKEN1');
    phone.pass(1);
    assert.equal(await phone.run(client.session()), 'TOKEN2');
  });
}

test('a clock that is set back ends the session at once', async () => {
  const [phone, client] = start(new Service());

  await phone.run(client.session());
  phone.ahead = -1000;

  assert.equal(await phone.run(client.session()), 'TOKEN2');
});

test('the time that a slow answer took counts', async () => {
  const service = new Service({ lifetime: 300 });
  const [phone, client] = start(service);
  const answered = service.answer.bind(service);
  service.answer = (...call) => {
    const reply = answered(...call);
    phone.pass(15);
    return reply;
  };

  await phone.run(client.session());
  phone.pass(300 - 15 - 60);

  assert.equal(await phone.run(client.session()), 'TOKEN2');
});

test('a login gives the session, too', async () => {
  const [phone, client] = start(new Service());

  assert.equal((await phone.run(client.login())).session.token, 'TOKEN1');
  assert.equal(await phone.run(client.session()), 'TOKEN1');
});

test('whoever asks at the same time shares the login', async () => {
  const service = new Service();
  const [phone, client] = start(service);

  const [one, other, answer] = await phone.run(Promise.all([client.session(), client.session(), client.login()]));

  assert.deepEqual([one, other, answer.session.token, service.logins], ['TOKEN1', 'TOKEN1', 'TOKEN1', 1]);
});

test('a token that a back end refused is replaced once', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  await phone.run(client.session());

  const tokens = await phone.run(Promise.all([client.session('TOKEN1'), client.session('TOKEN1')]));

  assert.deepEqual([...tokens, await phone.run(client.session('TOKEN1')), service.logins], ['TOKEN2', 'TOKEN2', 'TOKEN2', 2]);
});

test('a renewal goes through what a login goes through', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  await phone.run(client.session());
  phone.pass(hour);
  service.next = [problem('invalid_code'), problem('wecom_busy')];

  assert.equal(await phone.run(client.session()), 'TOKEN2');
});

test('a service that gives sessions no longer ends the one in memory', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  await phone.run(client.session());
  service.sessions = false;
  await phone.run(client.login());

  assert.equal((await phone.fails(client.session())).code, 'no_session');
});

test('a service without sessions says so', async () => {
  const [phone, client] = start(new Service({ sessions: false }));

  assert.equal((await phone.fails(client.session())).code, 'no_session');
  assert.equal((await phone.fails(client.memberData(phone.qy.getMobile))).code, 'no_session');
});

test('member data: log in, exchange, then ask the member', async () => {
  const [phone, client] = start(new Service());

  const data = await phone.run(client.memberData(phone.qy.getMobile));

  assert.equal(data.mobile, '13800000000');
  assert.deepEqual(phone.posts.map(({ path, header, body }) => [path, header.authorization, body.iv]), [
    ['/login', undefined, undefined], ['/member-data', 'Bearer TOKEN1', 'iv']]);
  assert.equal(phone.posts[1].header['x-functions-key'], 'the-function-key');
});

test('a session with time left will do for it', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  await phone.run(client.login());
  phone.pass(hour - 300);

  await phone.run(client.memberData(phone.qy.getMobile));

  assert.equal(service.logins, 1);
});

test('one with less than a member needs to read a dialog will not', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  await phone.run(client.login());
  phone.pass(hour - 299);

  await phone.run(client.memberData(phone.qy.getMobile));

  assert.deepEqual(service.opened, ['TOKEN2']);
});

test('of a short session half has to be left', async () => {
  const service = new Service({ lifetime: 300 });
  const [phone, client] = start(service);
  await phone.run(client.login());
  phone.pass(150);
  await phone.run(client.memberData(phone.qy.getMobile));
  phone.pass(1);
  await phone.run(client.memberData(phone.qy.getMobile));

  assert.deepEqual(service.opened, ['TOKEN1', 'TOKEN2']);
});

for (const [name, fails, logins] of [['still has', false, 1], ['no longer has', true, 2]]) {
  test(`a session whose key WeCom ${name}`, async () => {
    const service = new Service();
    const [phone, client] = start(service);
    phone.gives('checkSession', () => (fails ? new Error('qy__checkSession:fail') : {}));
    await phone.run(client.login());

    await phone.run(client.memberData(phone.qy.getMobile));

    assert.equal(service.logins, logins);
  });
}

test('a checkSession that does not answer is a no', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  phone.gives('checkSession', () => silence);
  await phone.run(client.login());

  await phone.run(client.memberData(phone.qy.getMobile));

  assert.equal(service.logins, 2);
});

test('no login comes between the exchange and the opening, however long the member reads', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  let agree;
  const dialog = new Promise(resolve => (agree = resolve));
  let asked;
  const shown = new Promise(resolve => (asked = resolve));
  phone.gives('getMobile', () => {
    const key = `key of TOKEN${service.logins}`;
    asked();
    return dialog.then(() => ({ encryptedData: key, iv: 'iv' }));
  });

  const data = client.memberData(phone.qy.getMobile);
  const reading = phone.run(data);
  await shown;
  const later = client.login();
  const known = client.session();
  assert.equal(await known, 'TOKEN1');
  assert.equal(service.logins, 1);
  agree();

  assert.equal((await reading).mobile, '13800000000');
  assert.equal((await phone.run(later)).session.token, 'TOKEN2');
});

test('the same call twice asks once, two calls ask one after the other', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  const dialogs = [];
  for (const name of ['getMobile', 'getEmail']) {
    phone.gives(name, () => {
      dialogs.push(name);
      return { encryptedData: 'key of TOKEN1', iv: 'iv' };
    });
  }

  await phone.run(Promise.all([phone.qy.getMobile, phone.qy.getMobile, phone.qy.getEmail].map(call => client.memberData(call))));

  assert.deepEqual([dialogs, service.logins], [['getMobile', 'getEmail'], 1]);
});

test('after invalid_session it logs in and asks once more', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  service.ended.add('TOKEN1');

  await phone.run(client.memberData(phone.qy.getMobile));

  assert.deepEqual([service.opened, service.logins], [['TOKEN2'], 2]);
});

test('after two of them it gives up', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  service.ended.add('TOKEN1').add('TOKEN2');

  assert.equal((await phone.fails(client.memberData(phone.qy.getMobile))).code, 'invalid_session');
  assert.equal(service.logins, 2);
});

test('a page that called wx.qy.login itself has changed the key: it logs in and asks once more', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  await phone.run(client.login());
  service.logins++;

  await phone.run(client.memberData(phone.qy.getMobile));

  assert.deepEqual(service.opened, ['TOKEN1', 'TOKEN3']);
});

test('data that is not good right after a login is not asked for again', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  phone.gives('getMobile', () => ({ encryptedData: 'somebody else\'s', iv: 'iv' }));

  assert.equal((await phone.fails(client.memberData(phone.qy.getMobile))).code, 'invalid_data');
  assert.equal(service.logins, 1);
});

test('a WeCom that wants a login first gets one', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  let calls = 0;
  phone.gives('getMobile', () => (++calls === 1
    ? Object.assign(new Error('qy__getMobile:fail'), { errCode: 42013 })
    : { encryptedData: `key of TOKEN${service.logins}`, iv: 'iv' }));

  await phone.run(client.memberData(phone.qy.getMobile));

  assert.equal(service.logins, 2);
});

for (const [name, what] of [
  ['declines', () => Object.assign(new Error('qy__getMobile:fail:cancel'), { errCode: 1 })],
  ['gets nothing', () => ({ encryptedData: '' })],
  ['never answers', () => silence]]) {
  test(`a member who ${name}`, async () => {
    const service = new Service();
    const [phone, client] = start(service);
    phone.gives('getMobile', what);

    const error = await phone.fails(client.memberData(phone.qy.getMobile));

    assert.deepEqual([error.code, error.retryable, service.logins, phone.posts.length], ['not_given', true, 1, 1]);
    assert.deepEqual(phone.waits, what() === silence ? [300] : []);
    assert.equal((await phone.run(client.login())).session.token, 'TOKEN2');
  });
}

test('what is to be opened is posted again, without asking again, while the service is away', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  service.next = [null, problem('wecom_busy'), problem('too_many_requests', { 'Retry-After': '4' }), lost()];

  await phone.run(client.memberData(phone.qy.getMobile));

  const data = new Set(phone.posts.slice(1).map(({ body }) => body.encryptedData));
  assert.deepEqual([phone.waits, service.logins, data.size], [[3, 4, 1], 1, 1]);
});

for (const memberData of [null, false]) {
  test(`a session whose memberData is ${memberData} costs no dialog`, async () => {
    const [phone, client] = start(new Service({ memberData }));
    phone.gives('getMobile', () => assert.fail('asked'));

    const error = await phone.fails(client.memberData(phone.qy.getMobile));

    assert.deepEqual([error.code, error.retryable], ['no_member_data', memberData === false]);
  });
}

test('a session that had no member data is replaced by one that may', async () => {
  const service = new Service({ memberData: false });
  const [phone, client] = start(service);
  await phone.run(client.login());
  service.memberData = true;

  await phone.run(client.memberData(phone.qy.getMobile));

  assert.deepEqual(service.opened, ['TOKEN2']);
});

test('a route that is switched off is no_member_data', async () => {
  const service = new Service();
  const [phone, client] = start(service);
  service.next = [null, { status: 404, body: null, headers: {} }];

  assert.equal((await phone.fails(client.memberData(phone.qy.getMobile))).code, 'no_member_data');
});

test('a WeCom without the call says so', async () => {
  const [phone, client] = start(new Service());

  assert.equal((await phone.fails(client.memberData(phone.qy.getBirthday))).code, 'not_given');
});

/** What comes of each problem of member data. */
const problems = {
  invalid_data: ['out', 'invalid_data'],
  invalid_session: ['in', { mobile: '13800000000' }],
  length_required: ['out', 'length_required'],
  too_many_requests: ['in', { mobile: '13800000000' }],
  misconfigured: ['out', 'misconfigured'],
  internal_error: ['out', 'internal_error'],
  wecom_busy: ['in', { mobile: '13800000000' }],
};

test('every problem of member data has its row here', () =>
  assert.deepEqual(Object.keys(problems).sort(), Object.keys(problemsOf('/member-data')).sort()));

for (const [code, expected] of Object.entries(problems)) {
  test(`the problem ${code} of member data`, async () => {
    const service = new Service();
    const [phone, client] = start(service);
    service.next = [null, problem(code, undefined, '/member-data')];

    assert.deepEqual((await phone.outcome(client.memberData(phone.qy.getMobile))).slice(0, 2), expected);
  });
}
