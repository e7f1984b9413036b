// The console of the local host. It shows what it is told as text and never as markup, and keeps nothing.

const texts = {
  en: {
    asking: 'Asking for health…', healthy: 'A login can succeed now', unhealthy: 'No login can succeed now', gone: 'The local host does not answer',
    stopTable: 'Stop the table', startTable: 'Start the table',
    revoked: 'WeCom has revoked {count} token(s).', rotated: 'App {app} has another corpsecret now, and the vault has it too.',
    madeBusy: 'WeCom answers −1 twice to each call of a login.', tableStopped: 'The table is stopped.', tableStarted: 'The table is up again.',
    failed: 'That did not work: {what}.',
    ok: '{who} is logged in, after {ms}.', refused: '{who} is not logged in: {title} ({code})', noAnswer: 'no answer from the local host',
    rejected: 'WeCom refused the token: it was replaced, and the login repeated the call.',
    changed: 'WeCom refused the corpsecret: the new one was read from the vault, and tried at once.',
    busyStory: 'WeCom was busy: the call was tried again.', lost: 'WeCom did not answer: the call was tried again.',
    tableAway: 'The table was out of reach: the login went on by what this process holds.',
    fetched: 'No token was at hand: one was fetched, for all instances.',
    memory: 'The token came from memory.',
    otherApp: 'The app of this corp is {app}: a mini program remembers that, as this page does now, and logs in again with a new code.',
    noProfile: 'The login stands without the profile: {code}.', survived: 'The login survived it.',
    paused: 'After five such tokens in a row, the next is fetched after a pause only, for the sake of WeCom’s limits: try again in a minute.',
    rejectedTag: 'token refused', changedTag: 'corpsecret changed', busyStoryTag: 'WeCom busy', lostTag: 'no answer', tableAwayTag: 'table out of reach',
    elsewhere: 'From elsewhere', background: 'In the background', memberData: 'Member data', byHandWho: 'A code by hand', to: 'for app {app}', underWay: 'under way',
    service: 'Where', call: 'Call', behind: 'after the answer', result: 'Result', time: 'Time', callsOf: 'Calls of this login',
    wecom: 'WeCom', table: 'Table', secret: 'Vault', answer: 'Answer, HTTP {status}', session: 'Session token, decoded',
    sessionHint: 'Any back end checks its signature with the keys of the issuer.', ends: 'ends {time}', issued: 'issued {time}',
    apps: 'Token of app {app}', only: 'Token',
    fresh: 'fresh', renewing: 'about to be renewed', expired: 'expired', missing: 'none yet',
    from: 'fetched {time}', until: 'expires {time}', left: '{time} left', minutes: '{m} min', hours: '{h} h {m} min',
    life: '{state}; fetched {from}, expires {until}, {left}', zone1: 'logins use it', zone2: 'the timer renews it, 40 min before its end', zone3: 'a login renews it, 10 min before its end',
    tokenStore: 'Table', corpSecret: 'Corpsecret', signingKey: 'Signing key',
    storeOk: 'ok', unreachable: 'out of reach', unwritable: 'not writable', refusedState: 'refused', missingKey: 'missing',
    unreadable: 'not readable', beaten: 'another was faster', done: 'ok', nothing: 'no answer',
    e40014: 'token refused', e42001: 'token expired', e40001token: 'token refused', e40001: 'corpsecret refused', e40091: 'corpsecret refused',
    'e-1': 'busy', e60111: 'member not visible', e40029: 'code not taken', e42003: 'code expired', e45009: 'too many calls', e60020: 'address not trusted',
  },
  zh: {
    skip: '跳到登录', api: 'API 描述（OpenAPI）', console: '控制台', welcome: '让一位成员登录，看看需要哪些调用。', login: '登录',
    member: '模拟企业微信中的成员', app: '小程序指定的应用', appHint: '如果成员属于另一家企业，应答会指出应当使用哪个应用。',
    byHand: '手工提交 code', code: 'wx.qy.login 得到的 code', codeHint: '只能用一次，五分钟内有效。', codeAppHint: '留空即默认应用。', post: '提交',
    trouble: '制造故障', follow: '随后立即登录',
    revoke: '吊销 token', revokeHint: '企业微信不再接受它发出的任何 token。连续五次立即换新，之后要先稍等。',
    rotate: '更换 secret', rotateHint: '应用得到新的 corpsecret，由运维存入 Key Vault。Key Vault 最多每分钟重新读取一次，所以第二次更换要到那时才会被发现。',
    busy: '让企业微信繁忙', busyHint: '登录的每个调用都先得到两次 −1（系统繁忙）。',
    tableHint: '到表存储的连接一律被拒绝。', tokens: 'Token', logins: '登录记录',
    none: '还没有。来自别处的登录（curl 或手机）也会显示在这里。',
    footer: '本页由本地主机提供，只对这台机器开放；函数应用中没有它。密钥、token 和 code 都已掩码。',
    asking: '正在查询健康状况…', healthy: '现在可以登录', unhealthy: '现在无法登录', gone: '本地主机没有应答',
    stopTable: '停止表存储', startTable: '启动表存储',
    revoked: '企业微信吊销了 {count} 个 token。', rotated: '应用 {app} 已有新的 corpsecret，并已存入 Key Vault。',
    madeBusy: '企业微信对登录的每个调用先回答两次 −1。', tableStopped: '表存储已停止。', tableStarted: '表存储已恢复。',
    failed: '没有成功：{what}。',
    ok: '{who} 已登录，用时 {ms}。', refused: '{who} 未能登录：{title}（{code}）', noAnswer: '本地主机没有应答',
    rejected: '企业微信拒绝了 token：已换上新的，并重复了该调用。',
    changed: '企业微信拒绝了 corpsecret：从 Key Vault 读到新的，并立即使用。',
    busyStory: '企业微信繁忙：重试了该调用。', lost: '企业微信没有应答：重试了该调用。',
    tableAway: '表存储无法访问：登录依靠本进程持有的内容继续。',
    fetched: '手中没有 token：获取了一个，供所有实例共用。',
    memory: 'token 来自内存。',
    otherApp: '该企业的应用是 {app}：小程序会记住它（本页已选中），并用新的 code 重新登录。',
    noProfile: '没有成员资料，登录仍然成功：{code}。', survived: '登录没有受到影响。',
    paused: '连续五个 token 被拒绝之后，为遵守企业微信的限频，要稍等才再获取：请一分钟后再试。',
    rejectedTag: 'token 被拒绝', changedTag: 'corpsecret 已更换', busyStoryTag: '企业微信繁忙', lostTag: '没有应答', tableAwayTag: '表无法访问',
    elsewhere: '来自别处', background: '后台', memberData: '成员数据', byHandWho: '手工提交的 code', to: '应用 {app}', underWay: '进行中',
    service: '去向', call: '调用', behind: '应答之后', result: '结果', time: '用时', callsOf: '这次登录的调用',
    wecom: '企业微信', table: '表', secret: 'Key Vault', answer: '应答，HTTP {status}', session: '会话 token（已解码）',
    sessionHint: '任何后端都可以用签发者的公钥校验它的签名。', ends: '{time} 到期', issued: '{time} 签发',
    apps: '应用 {app} 的 token', only: 'Token',
    fresh: '有效', renewing: '即将续期', expired: '已过期', missing: '尚无',
    from: '{time} 获取', until: '{time} 到期', left: '还剩 {time}', minutes: '{m} 分钟', hours: '{h} 小时 {m} 分钟',
    life: '{state}；{from} 获取，{until} 到期，{left}', zone1: '登录直接使用', zone2: '到期前 40 分钟起由定时器续期', zone3: '到期前 10 分钟起由登录续期',
    tokenStore: '表存储', corpSecret: 'Corpsecret', signingKey: '签名密钥',
    storeOk: '正常', unreachable: '无法访问', unwritable: '不可写', refusedState: '被拒绝', missingKey: '缺失',
    unreadable: '无法读取', beaten: '别的实例更快', done: '成功', nothing: '没有应答',
    e40014: 'token 被拒绝', e42001: 'token 已过期', e40001token: 'token 被拒绝', e40001: 'corpsecret 被拒绝', e40091: 'corpsecret 被拒绝',
    'e-1': '繁忙', e60111: '成员不可见', e40029: 'code 无效', e42003: 'code 已过期', e45009: '调用过多', e60020: 'IP 不可信',
  },
}

const isChinese = navigator.language.toLowerCase().startsWith('zh')
const locale = isChinese ? 'zh-CN' : navigator.language
const words = texts[isChinese ? 'zh' : 'en']
const t = (name, values = {}) => (words[name] ?? name).replace(/\{(\w+)\}/g, (_, value) => values[value] ?? '')
const $ = id => document.getElementById(id)

// What each call sends, without what is secret in it.
const calls = {
  'gettoken': ['wecom', 'corpid, corpsecret=***'],
  'jscode2session': ['wecom', 'access_token=***, js_code=***'],
  'user/get': ['wecom', 'access_token=***, userid'],
  'department/get': ['wecom', 'access_token=***, id'],
  'table read': ['table', ''],
  'table write': ['table', ''],
  'session write': ['table', ''],
  'session read': ['table', ''],
  'secret read': ['secret', ''],
}
const isData = ({ name }) => calls[name]?.[0] === 'wecom' && name !== 'gettoken'
const kept = 20

let lab = null
const logins = new Map()

// An element of a name, with attributes, CSS variables, and children.
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue
    if (key.startsWith('--')) element.style.setProperty(key, value)
    else element.setAttribute(key, value)
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false))
  return element
}

const hex = bytes => [...crypto.getRandomValues(new Uint8Array(bytes))].map(byte => byte.toString(16).padStart(2, '0')).join('')
const ms = value => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
const clock = time => new Date(time).toLocaleTimeString(locale, { hourCycle: 'h23' })
const span = milliseconds => {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000))
  return minutes < 60 ? t('minutes', { m: minutes }) : t('hours', { h: Math.floor(minutes / 60), m: minutes % 60 })
}

function say(text, kind = '') {
  $('news').dataset.kind = kind
  $('news').textContent = text
}

// ---- Health and the life of each token

async function askHealth() {
  let health
  try {
    health = await (await fetch('/api/health')).json()
  } catch {
    return showState('unhealthy', t('gone'))
  }
  showState(health.status, t(health.status))
  const first = lab?.apps[0].name
  const lives = [[first, health.token], ...Object.entries(health.apps ?? {}).map(([name, app]) => [name, app.token])]
  $('tokens').replaceChildren(...lives.map(([name, token]) => life(name, token)),
    el('li', { class: 'key hint' }, [1, 2, 3].map(zone => el('span', { class: `zone-${zone}` }, t(`zone${zone}`)))))
  $('stores').replaceChildren(...[
    ['tokenStore', health.tokenStore], ['corpSecret', health.secret], ['signingKey', health.signingKey],
  ].filter(([, state]) => state).map(([name, state]) =>
    el('div', {}, el('dt', {}, t(name)), el('dd', { 'data-bad': state !== 'ok' && '' }, t(stateName(state))))))
  $('advice').hidden = !health.advice
  $('advice').textContent = health.advice ?? ''
}

const stateName = state => ({ ok: 'storeOk', refused: 'refusedState', missing: 'missingKey' })[state] ?? state

function showState(state, text) {
  $('health').dataset.state = state
  const shown = $('health').firstElementChild
  if (shown.textContent !== text) shown.textContent = text
}

function life(name, { state, renewedAt, expiresAt }) {
  const title = name ? t('apps', { app: name }) : t('only')
  const corp = lab?.apps.find(app => app.name === name)?.corpid
  const heading = el('h3', {}, title, corp && el('span', { class: 'hint mono' }, corp), el('span', { class: 'state' }, t(state)))
  if (!expiresAt) return el('li', { class: 'life', 'data-state': state }, heading, el('div', { class: 'track' }))
  const [from, until, now] = [Date.parse(renewedAt), Date.parse(expiresAt), Date.now()]
  const share = time => Math.min(100, Math.max(0, (time - from) / (until - from) * 100))
  const bounds = [0, share(until - 40 * 60_000), share(until - 10 * 60_000), 100]
  const left = t('left', { time: span(until - now) })
  const label = `${title}: ${t('life', { state: t(state), from: clock(from), until: clock(until), left })}`
  return el('li', { class: 'life', 'data-state': state }, heading,
    el('div', { class: 'track', role: 'img', 'aria-label': label },
      [1, 2, 3].map(zone => el('span', { class: `zone-${zone}`, '--share': `${bounds[zone] - bounds[zone - 1]}%` })),
      el('i', { '--now': `${share(now)}%` })),
    el('div', { class: 'ends hint' }, el('span', {}, t('from', { time: clock(from) })), el('span', {}, left),
      el('span', {}, t('until', { time: clock(until) }))))
}

// ---- A login, and what it took

function begin(trace, who, app, isOurs) {
  const login = { trace, who, app, isOurs, calls: [], item: el('li', { class: 'new' }) }
  login.details = el('details', {}, el('summary'), el('div', { class: 'inner' }))
  if (isOurs) {
    for (const other of logins.values()) other.details.open = false
    login.details.open = true
  }
  login.item.append(login.details)
  logins.set(trace, login)
  $('logins').prepend(login.item)
  $('none').hidden = true
  if (logins.size > kept) {
    const oldest = logins.values().next().value
    logins.delete(oldest.trace)
    oldest.item.remove()
  }
  return login
}

async function logIn(code, who, app) {
  const login = begin(hex(16), who, app, true)
  const began = performance.now()
  show(login)
  try {
    const answer = await fetch('/api/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${login.trace}-${hex(8)}-01` },
      body: JSON.stringify(app ? { code, app } : { code }),
    })
    login.status = answer.status
    login.answer = await answer.json()
  } catch {
    login.status = 0
  }
  login.took = performance.now() - began
  await told(login)
  show(login)
  const { answer } = login
  const good = login.status === 200
  const what = good ? t('ok', { who: answer.profile?.name ?? answer.userid, ms: ms(login.total ?? login.took) })
    : t('refused', { who, title: answer?.title ?? t('noAnswer'), code: answer?.code ?? '–' })
  say([what, ...story(login)].join(isChinese ? '' : ' '), good ? 'good' : 'bad')
  if (answer?.code === 'other_app' && lab) $('app').value = answer.app
  await askHealth()
}

// The calls come by another connection than the answer: waits a little for the last of them.
const told = login => new Promise(resolve => {
  if (login.status === 0 || login.total !== undefined || source.readyState !== EventSource.OPEN) return resolve()
  login.told = resolve
  setTimeout(resolve, 1000)
})

function hear({ trace, name, began, took, outcome }) {
  const login = logins.get(trace) ?? begin(trace, '', '', false)
  if (name === 'login' || name === 'member-data') {
    Object.assign(login, { name, began, total: took, outcome })
    login.told?.()
  } else {
    login.calls.push({ name, began, took, outcome: outcome ?? 'none' })
    login.calls.sort((one, other) => one.began - other.began)
  }
  show(login)
}

// What went wrong on the way, in the order of a login's calls.
function troublesOf({ calls: made }) {
  const has = (which, outcomes) => made.some(call => which(call) && outcomes.includes(call.outcome))
  const isToken = ({ name }) => name === 'gettoken'
  return [
    has(isData, ['40014', '42001', '41001', '40001']) && 'rejected',
    has(isToken, ['40001', '40091']) && has(isToken, ['0']) && 'changed',
    has(isData, ['-1', '6000']) && 'busyStory',
    has(isData, ['none']) && 'lost',
    has(({ name }) => calls[name]?.[0] === 'table', ['unreachable']) && 'tableAway',
  ].filter(Boolean)
}

function story(login) {
  const { name, status, calls: made, answer, isOurs, outcome } = login
  const trouble = troublesOf(login)
  const lines = trouble.map(name => t(name))
  if (isOurs && status === 200 && trouble.length) lines.push(t('survived'))
  if (trouble.includes('rejected') && ['invalid_code', 'misconfigured'].includes(answer?.code)) lines.push(t('paused'))
  if (!trouble.length && made.some(({ name, outcome }) => name === 'gettoken' && outcome === '0')) lines.push(t('fetched'))
  if (!trouble.length && name === 'login' && outcome === 'ok' && made.every(call => isData(call) || call.name === 'session write')) lines.push(t('memory'))
  if (answer?.code === 'other_app') lines.push(t('otherApp', { app: answer.app }))
  if (answer?.profileError) lines.push(t('noProfile', { code: answer.profileError.code }))
  return lines
}

function show(login) {
  const { name, who, app, status, answer, outcome, isOurs, total } = login
  const isOver = isOurs ? status !== undefined : total !== undefined
  const result = isOurs ? (!isOver ? t('underWay') : status === 200 ? '200' : `${status || '–'} ${answer?.code ?? t('noAnswer')}`) : outcome
  const good = result === '200' || result === 'ok'
  login.details.firstChild.replaceChildren(
    ...[el('span', { class: 'who' }, who || t(name === 'member-data' ? 'memberData' : isOver ? 'elsewhere' : 'background')),
    app ? el('span', { class: 'hint' }, t('to', { app })) : '',
    result ? el('span', { class: 'outcome', 'data-kind': !isOver ? '' : good ? 'good' : 'bad' }, result) : '',
    isOver ? troublesOf(login).map(name => el('span', { class: 'tag' }, t(`${name}Tag`))) : '',
    el('span', { class: 'took' }, total === undefined ? '' : ms(total))].flat().flatMap(part => [part, ' ']))
  const lines = isOver ? story(login) : []
  const token = answer?.session?.token
  login.details.lastChild.replaceChildren(
    lines.length ? el('ul', { class: 'story' }, lines.map(line => el('li', {}, line))) : '',
    login.calls.length ? callTable(login) : '',
    answer ? el('div', { class: `parts ${token ? 'two' : ''}` },
      el('div', {}, el('h3', {}, t('answer', { status })), el('pre', { tabindex: 0, role: 'region', 'aria-label': t('answer', { status }) }, masked(answer))),
      token ? el('div', {}, el('h3', {}, t('session')), claims(token), el('p', { class: 'hint' }, t('sessionHint'))) : null) : '')
}

function callTable({ calls: made, began, total }) {
  const first = Math.min(began ?? Infinity, ...made.map(call => call.began))
  const last = Math.max((began ?? 0) + (total ?? 0), ...made.map(call => call.began + call.took))
  const share = time => `${((time - first) / Math.max(last - first, 0.01) * 100).toFixed(2)}%`
  // The roles are said because a narrow window lays it out as something else than a table.
  return el('table', { class: 'calls', role: 'table' },
    el('caption', { class: 'unseen' }, t('callsOf')),
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' },
      ['service', 'call', 'result', 'time'].map(name =>
        el('th', { scope: 'col', role: 'columnheader', class: name === 'time' && 'ms' }, t(name))),
      el('td', { class: 'span', 'aria-hidden': 'true' }))),
    el('tbody', { role: 'rowgroup' }, made.map(call => {
      const [of, sent] = calls[call.name] ?? ['wecom', '']
      const [result, bad] = resultOf(call)
      return el('tr', { class: `of-${of}`, role: 'row' },
        el('td', { role: 'cell' }, el('span', { class: 'of' }, t(of))),
        el('td', { class: 'call', role: 'cell' }, el('code', {}, call.name), sent && ' ', sent && el('code', { class: 'args' }, `(${sent})`),
          total !== undefined && call.began > began + total && el('span', { class: 'hint' }, ` ${t('behind')}`)),
        el('td', { role: 'cell', 'data-kind': bad && 'bad' }, result),
        el('td', { class: 'ms', role: 'cell' }, ms(call.took)),
        el('td', { class: 'span', 'aria-hidden': 'true' },
          el('span', { class: 'bar', '--from': share(call.began), '--long': share(first + call.took) })))
    })))
}

function resultOf(call) {
  const { name, outcome } = call
  if (outcome === '0' || outcome === 'ok') return [t('done'), false]
  if (outcome === 'none') return [t('nothing'), true]
  if (!/^-?\d+$/.test(outcome)) return [t(stateName(outcome)), outcome !== 'beaten']
  const key = outcome === '40001' && isData(call) ? 'e40001token' : `e${outcome}`
  return [words[key] ? `${outcome} ${t(key)}` : outcome, true]
}

// The answer as it is, without the token: that is shown decoded.
const masked = answer => JSON.stringify(answer, (name, value) => name === 'token' && typeof value === 'string' ? '***' : value, 2)

function claims(token) {
  const [header, payload] = token.split('.').slice(0, 2).map(part =>
    JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), char => char.charCodeAt(0)))))
  const times = { exp: 'ends', iat: 'issued' }
  return el('table', { class: 'claims' }, el('caption', { class: 'unseen' }, t('session')), el('tbody', {},
    Object.entries({ ...header, ...payload }).map(([name, value]) => el('tr', {}, el('th', { scope: 'row' }, name),
      el('td', {}, typeof value === 'string' ? value : JSON.stringify(value),
        times[name] && el('span', { class: 'hint' }, ` ${t(times[name], { time: clock(value * 1000) })}`))))))
}

// ---- The simulated WeCom, where there is one

async function ask(path, body) {
  const answer = await fetch(`/console/lab${path}`, body === undefined ? {}
    : { method: 'POST', headers: { 'content-type': 'application/json', 'x-console': '1' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  return answer.json()
}

function choices() {
  return { ...JSON.parse($('member').value), app: $('app').value }
}

function offer() {
  $('member').replaceChildren(...lab.corps.map(({ corpid, members }) => el('optgroup', { label: corpid },
    members.map(userid => el('option', { value: JSON.stringify({ corpid, userid }) }, userid)))))
  $('app').replaceChildren(...lab.apps.map(({ name, corpid }) => el('option', { value: name }, `${name} (${corpid})`)))
  $('member').addEventListener('change', () => {
    const { corpid, app } = choices()
    if (lab.apps.find(({ name }) => name === app)?.corpid !== corpid) {
      $('app').value = lab.apps.find(one => one.corpid === corpid)?.name ?? app
    }
  })
  showTable(lab.tableStopped)
  $('login').hidden = $('trouble').hidden = false
}

async function logMemberIn() {
  const { corpid, userid, app } = choices()
  const { code } = await ask('/codes', { corpid, userid })
  await logIn(code, userid, app)
}

function showTable(stopped) {
  lab.tableStopped = stopped
  $('table').textContent = t(stopped ? 'startTable' : 'stopTable')
}

const troubles = {
  revoke: async () => t('revoked', { count: (await ask('/revoke', {})).revoked }),
  rotate: async () => { await ask('/rotate', { app: choices().app }); return t('rotated', { app: choices().app }) },
  busy: async () => { await ask('/busy', {}); return t('madeBusy') },
  table: async () => {
    showTable((await ask('/table', { stopped: !lab.tableStopped })).tableStopped)
    return t(lab.tableStopped ? 'tableStopped' : 'tableStarted')
  },
}

// One thing at a time; the button keeps the focus meanwhile.
let isBusy = false
async function once(act) {
  if (isBusy) return
  isBusy = true
  const buttons = [...document.querySelectorAll('button')]
  buttons.forEach(button => button.setAttribute('aria-disabled', 'true'))
  try {
    await act()
  } catch (error) {
    say(t('failed', { what: error.message }), 'bad')
  } finally {
    buttons.forEach(button => button.removeAttribute('aria-disabled'))
    isBusy = false
  }
}

// ---- Begin

if (isChinese) {
  document.documentElement.lang = 'zh-CN'
  document.title = 'WeComFunc 控制台'
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t)
}

$('login').addEventListener('submit', event => {
  event.preventDefault()
  once(logMemberIn)
})
$('code-form').addEventListener('submit', event => {
  event.preventDefault()
  const code = $('code').value
  $('code').value = ''
  once(() => logIn(code, t('byHandWho'), $('code-app').value))
})
for (const [id, act] of Object.entries(troubles)) {
  $(id).addEventListener('click', () => once(async () => {
    say(await act())
    if ($('follow').checked) await logMemberIn()
    else await askHealth()
  }))
}

const source = new EventSource('/console/calls')
source.addEventListener('ready', () => { document.documentElement.dataset.ready = 'true' })
source.addEventListener('message', event => hear(JSON.parse(event.data)))

lab = await ask('').catch(() => null)
if (lab) offer()
else $('by-hand').open = true
await askHealth()
setInterval(() => { if (!document.hidden) askHealth() }, 10_000)
