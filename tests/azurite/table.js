// Runs azurite-table on this machine alone, at the --tablePort it is given, with its data in memory, for as long as stdin stays open:
// it cannot outlive whoever started it, however that ended.
// A line on stdin is the name of a signal to pass on, and is echoed once it is sent.
const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');

const main = require.resolve('azurite/dist/src/table/main.js');
const tie = 'data:text/javascript,process.stdin.on("end", () => process.exit()).resume()';
const flags = ['--tableHost', '127.0.0.1', '--inMemoryPersistence', '--disableTelemetry', '-s', ...process.argv.slice(2)];
const azurite = spawn(process.execPath, ['--import', tie, main, ...flags], { stdio: ['pipe', 'ignore', 'inherit'] });
azurite.on('exit', code => process.exit(code ?? 1));

const stop = () => {
  azurite.kill('SIGCONT');
  azurite.kill('SIGINT');
  setTimeout(() => azurite.kill('SIGKILL'), 2000);
};

createInterface({ input: process.stdin })
  .on('line', signal => {
    azurite.kill(signal);
    console.log(signal);
  })
  .on('close', stop);
process.on('SIGINT', stop).on('SIGTERM', stop);
