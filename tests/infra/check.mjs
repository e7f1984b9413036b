// Parses every Bicep file, query and pipeline file, and writes the Bash scripts of the pipeline to a folder for shellcheck.
// Usage: node check.mjs FOLDER. One line per check: "ok …", "not ok …" with what is wrong after it, or "skip …".
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import { Language, Parser } from 'web-tree-sitter';
import YAML from 'yaml';

const require = createRequire(import.meta.url);
process.chdir(path.join(path.dirname(fileURLToPath(import.meta.url)), '../..'));
const scripts = path.resolve(process.argv[2]);

const files = (folder, ...ends) => fs.readdirSync(folder).filter(name => ends.some(end => name.endsWith(end))).sort().map(name => `${folder}/${name}`);
const read = file => fs.readFileSync(file, 'utf8');
const report = (name, wrong) => {
  console.log(`${wrong.length ? 'not ok' : 'ok'} ${name}`);
  wrong.forEach(line => console.log(`    ${line}`));
};

async function bicep() {
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(require.resolve('tree-sitter-bicep/tree-sitter-bicep.wasm')));
  for (const file of [...files('infra', '.bicep', '.bicepparam'), ...files('infra/modules', '.bicep')]) {
    // The grammar knows no parameter files; without their first line, and as variables, they are Bicep.
    const text = file.endsWith('param') ? read(file).replace(/^using .*$/m, '').replace(/^param /gm, 'var ') : read(file);
    const wrong = [];
    const visit = node => {
      if (node.isError || node.isMissing) wrong.push(`${file}:${node.startPosition.row + 1}:${node.startPosition.column + 1} ${JSON.stringify(node.text.slice(0, 60))}`);
      else if (node.hasError) node.children.forEach(visit);
    };
    visit(parser.parse(text).rootNode);
    report(`Bicep syntax of ${file}`, wrong);
  }
}

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
  const all = ['azure-pipelines.yml', ...files('infra/pipelines', '.yml')];
  for (const file of all) {
    const document = YAML.parseDocument(read(file), { strict: true, uniqueKeys: true });
    report(`YAML of ${file}`, [...document.errors, ...document.warnings].map(one => one.message));
    if (document.errors.length) continue;
    const pipeline = document.toJS();
    const steps = pipeline.stages.flatMap(stage => stage.jobs ?? []).flatMap(job => job.steps ?? job.strategy.runOnce.deploy.steps);
    steps.forEach((step, i) => {
      const script = step.bash ?? step.inputs?.inlineScript;
      if (!script) return;
      fs.writeFileSync(path.join(scripts, `${path.basename(file, '.yml')}-${i + 1}.sh`), `#!/usr/bin/env bash\n${script}\n`);
      // What is filled in before Bash sees it is no Bash: values come by environment.
      report(`values of "${step.displayName}" of ${file} come by environment`, script.match(/\$\{\{.*?\}\}|\$\(\w+(\.\w+)*\)/g) ?? []);
    });
    schema(file, pipeline);
  }
}

// The schema that Microsoft publishes (service-schema.json of its extension for Visual Studio Code, or _apis/distributedtask/yamlschema
// of an organization) takes numbers and booleans as text, and knows some tasks by name only.
function schema(file, pipeline) {
  const source = process.env.AZURE_PIPELINES_SCHEMA;
  if (!source) return console.log(`skip ${file} by the published schema: AZURE_PIPELINES_SCHEMA names no file`);
  const published = JSON.parse(read(source));
  delete published.$schema;
  delete published.$id;
  const tasks = published.definitions.task;
  const named = new Set(tasks.properties.task.anyOf.flatMap(task => task.enum ?? []));
  const described = new Set(tasks.anyOf.map(task => task.properties?.task?.pattern?.slice(1, -1)));
  const adapt = (value, key) => {
    if (Array.isArray(value)) return value.map(one => adapt(one));
    if (typeof value === 'number' || key === 'default') return String(value);
    if (!value || typeof value !== 'object') return value;
    return named.has(value.task) && !described.has(value.task)
      ? { bash: 'true' }
      : Object.fromEntries(Object.entries(value).map(([name, one]) => [name, adapt(one, name)]));
  };
  const isValid = new Ajv({ strict: false, unicodeRegExp: false, validateFormats: false }).compile(published);
  report(`${file} by the published schema`, isValid(adapt(pipeline)) ? [] : isValid.errors.slice(-5).map(error => `${error.instancePath} ${error.message}`));
}

await bicep();
kusto();
pipelines();
