// The local host with a simulated WeCom and the Table Storage emulator, as ./run.sh starts them, at ports of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { lost, root } from './phone.mjs';

const path = name => fileURLToPath(new URL(name, root));
const programs = 'tests/WeComFunc.Playground/bin/Release/net10.0/';
const inherited = ['PATH', 'HOME', 'TMPDIR', 'DOTNET_ROOT', 'DOTNET_ROOT_X64'];

export const corp = 'ww1234567890abcdef';
export const otherCorp = 'wwfedcba0987654321';
const secret = 'simulated-corpsecret-for-the-node-tests-01';
const account = 'devstoreaccount1';
// Public: the key of every emulator, as documented.
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

export async function startService() {
  const parts = [];
  try {
    const [tableUrl, weCom, host] = await Promise.all([0, 1, 2].map(freeAddress));
    start(parts, 'node', [path('tests/azurite/table.js'), '--tablePort', new URL(tableUrl).port]);
    start(parts, 'dotnet', [path(`${programs}WeComFunc.Simulator.dll`), '--urls', weCom, '--secret', secret]);
    await Promise.all([answers(`${tableUrl}/${account}`, parts), answers(`${weCom}/sim/state`, parts)]);
    await post(`${weCom}/sim/corps/${otherCorp}/apps/login`, { secret: `${secret}-of-another-corp` }, 'PUT');
    start(parts, 'dotnet', [path(`${programs}WeComFunc.LocalHost.dll`), '--urls', host, '--settings', 'none'], {
      DOTNET_ENVIRONMENT: 'Development',
      WeCom__CorpId: corp,
      WeCom__CorpSecret: secret,
      WeCom__MiniProgramAppId: 'wx0123456789abcdef',
      WeCom__Apps__other__CorpId: otherCorp,
      WeCom__Apps__other__CorpSecret: `${secret}-of-another-corp`,
      WeCom__Apps__other__MiniProgramAppId: 'wx0123456789abcdef',
      WeCom__BaseUrl: weCom,
      Login__DepartmentNames: 'true',
      TokenStore__ConnectionString: `AccountName=${account};AccountKey=${accountKey};TableEndpoint=${tableUrl}/${account}`,
      Session__Issuer: `${host}/api`,
      Session__Audience: 'orders-api',
      MemberData__Enabled: 'true',
    });
    await answers(`${host}/api/health`, parts);
    return { url: `${host}/api`, weCom, stop: () => stop(parts) };
  } catch (error) {
    await stop(parts);
    throw error;
  }
}

/** Posts JSON, and gives the JSON of the answer. */
export async function post(url, body, method = 'POST') {
  const response = await fetch(url, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return text && JSON.parse(text);
}

/** What a phone posts to, where the service is a real one. */
export const over = fetching => async ({ url, header, body }) => {
  try {
    const response = await fetching(url, { method: 'POST', headers: header, body: JSON.stringify(body) });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: Object.fromEntries(response.headers) };
  } catch (error) {
    return lost(`request:fail ${error.cause?.code}`);
  }
};

function start(parts, command, args, settings = {}) {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => inherited.includes(name)));
  const part = spawn(command, args, { env: { ...kept, ...settings }, stdio: ['pipe', 'pipe', 'pipe'] });
  part.said = '';
  for (const stream of [part.stdout, part.stderr]) stream.on('data', text => (part.said += text));
  process.on('exit', () => part.kill());
  parts.push(part);
}

/** Waits until something answers there, whatever it says. */
async function answers(url, parts) {
  for (const until = Date.now() + 60_000; ; await delay(50)) {
    const ended = parts.find(part => part.exitCode !== null);
    if (ended || Date.now() > until) throw new Error(`${url} does not answer.\n${(ended ?? parts.at(-1)).said.slice(-2000)}`);
    if (await fetch(url).then(response => response.text().then(() => true), () => false)) return;
  }
}

async function stop(parts) {
  for (const part of parts) {
    part.kill();
    part.stdin.end();
  }
  await Promise.all(parts.map(part => part.exitCode ?? part.signalCode ?? once(part, 'exit')));
}

async function freeAddress() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}
