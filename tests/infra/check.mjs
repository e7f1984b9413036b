// Parses every query and pipeline file, and writes the Bash scripts of the pipeline to a folder for shellcheck.
// Usage: node check.mjs FOLDER [CHECKOUT]. One line per check: "ok …", "not ok …" with what is wrong after it, or "skip …".
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import YAML from 'yaml';

const require = createRequire(import.meta.url);
const here = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const scripts = path.resolve(process.argv[2]);
process.chdir(process.argv[3] ?? here);

const files = (folder, ...ends) => fs.readdirSync(folder).filter(name => ends.some(end => name.endsWith(end))).sort().map(name => `${folder}/${name}`);
const read = file => fs.readFileSync(file, 'utf8');
const report = (name, wrong) => {
  console.log(`${wrong.length ? 'not ok' : 'ok'} ${name}`);
  wrong.forEach(line => console.log(`    ${line}`));
};

function kusto() {
  require('@kusto/language-service-next/bridge.min.js');
  require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
  const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;
  const common = 'timestamp: datetime, itemCount: int, severityLevel: int, operation_Name: string, operation_Id: string, customDimensions: dynamic';
  const tables = Object.entries({ traces: 'message: string', exceptions: 'outerType: string, outerMessage: string' })
    .map(([name, columns]) => new Symbols.TableSymbol.$ctor7(name, `(${common}, ${columns})`, null));
  const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('insights', tables));
  const check = (name, query) => {
    const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
    const wrong = Array.from({ length: found.Count }, (_, i) => found.getItem(i));
    report(`query ${name}`, query.trim() ? wrong.map(one => `at ${one.Start}: ${one.Message}`) : ['it is empty']);
  };
  for (const file of files('infra/queries', '.kql')) check(file, read(file));
  for (const item of JSON.parse(read('infra/workbook.json')).items) {
    if (item.type === 3) check(`${item.name} of infra/workbook.json`, item.content.query.replaceAll('{TimeRange:grain}', '1h'));
  }
}

function pipelines() {
  const isValid = schema();
  for (const file of ['azure-pipelines.yml', ...files('infra/pipelines', '.yml')]) {
    const document = YAML.parseDocument(read(file), { strict: true, uniqueKeys: true });
    report(`YAML of ${file}`, [...document.errors, ...document.warnings].map(one => one.message));
    if (document.errors.length) continue;
    const pipeline = document.toJS();
    const { steps, wrong } = stepsOf(pipeline);
    report(`stages, jobs and steps of ${file}`, wrong);
    steps.forEach((step, i) => {
      const script = step.bash ?? step.inputs?.inlineScript;
      if (!script) return;
      fs.writeFileSync(path.join(scripts, `${path.basename(file, '.yml')}-${i + 1}.sh`), `#!/usr/bin/env bash\n${script}\n`);
      // What is filled in before Bash sees it is no Bash: values come by environment.
      report(`values of "${step.displayName}" of ${file} come by environment`, script.match(/\$\{\{.*?\}\}|\$\(\w+(\.\w+)*\)/g) ?? []);
    });
    if (isValid) report(`${file} by the published schema`, isValid(pipeline));
  }
}

function stepsOf(pipeline) {
  const wrong = [];
  const list = (value, name) => {
    if (Array.isArray(value) && value.length) return value;
    wrong.push(`${name} is no list with something in it`);
    return [];
  };
  if (pipeline?.extends?.template) return { steps: [], wrong };
  const steps = list(pipeline?.stages, 'stages:')
    .filter(stage => !stage?.template)
    .flatMap(stage => list(stage?.jobs, `jobs: of the stage ${stage?.stage}`))
    .flatMap(job => list(job?.steps ?? job?.strategy?.runOnce?.deploy?.steps, `steps: of the job ${job?.job ?? job?.deployment}`));
  return { steps, wrong };
}

// The schema that Microsoft publishes (service-schema.json of its extension for Visual Studio Code, or _apis/distributedtask/yamlschema
// of an organization) takes numbers and booleans as text, and knows some tasks by name only.
function schema() {
  const beside = path.resolve(here, '../shared/azure-pipelines-schema.json');
  const source = process.env.AZURE_PIPELINES_SCHEMA || (fs.existsSync(beside) && beside);
  if (!source) return void console.log('skip the pipeline by its published schema: ../shared/azure-pipelines-schema.json is not beside the checkout');
  const published = JSON.parse(read(source));
  delete published.$schema;
  delete published.$id;
  const tasks = published.definitions.task;
  const named = new Set(tasks.properties.task.anyOf.flatMap(task => task.enum ?? []));
  const described = new Set(tasks.anyOf.map(task => task.properties?.task?.pattern?.slice(1, -1)));
  const adapt = (value, key) => {
    if (Array.isArray(value)) return value.map(one => adapt(one));
    if (key === 'retryCountOnTaskFailure') return value;
    if (key === 'lockBehavior' && value.startsWith('${{')) return 'sequential';
    if (typeof value === 'number' || ['default', 'batch', 'isSkippable', 'continueOnError'].includes(key)) return String(value);
    if (!value || typeof value !== 'object') return value;
    return named.has(value.task) && !described.has(value.task)
      ? { bash: 'true' }
      : Object.fromEntries(Object.entries(value).map(([name, one]) => [name, adapt(one, name)]));
  };
  const isValid = new Ajv({ strict: false, unicodeRegExp: false, validateFormats: false }).compile(published);
  const depth = error => error.instancePath.split('/').length;
  return pipeline => {
    if (isValid(adapt(pipeline))) return [];
    // Of all that a place might have been, what fitted furthest says where it is; that it is none of the other tasks says nothing.
    const furthest = Math.max(...isValid.errors.map(depth));
    const wrong = isValid.errors.filter(error => depth(error) === furthest).sort((one, other) => (one.keyword === 'pattern') - (other.keyword === 'pattern'));
    return [...new Set(wrong.map(error => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`))].slice(0, 3);
  };
}

kusto();
pipelines();
