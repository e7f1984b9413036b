#!/usr/bin/env bash
# Deploys main.bicep for an environment, or shows what that would change. Needs a signed-in az with Bicep, WECOM_CORP_ID and
# ALERT_EMAIL. In a pipeline it sets functionAppName and healthUrl for the steps that follow.
set -euo pipefail

if [[ $# != 3 || ! $1 =~ ^(what-if|create)$ ]]; then
  echo "Usage: WECOM_CORP_ID=ww… ALERT_EMAIL=… $0 what-if|create RESOURCE-GROUP ENVIRONMENT" >&2
  exit 2
fi

verb=$1 group=$2 environment=$3
parameters=$(dirname "${BASH_SOURCE[0]}")/../$environment.bicepparam

if [[ $verb == what-if ]]; then
  exec az deployment group what-if --resource-group "$group" --parameters "$parameters"
fi

az deployment group create --resource-group "$group" --name "wecomfunc-$environment" --parameters "$parameters" --output none
output() {
  az deployment group show --resource-group "$group" --name "wecomfunc-$environment" --query "properties.outputs.$1.value" --output tsv | tr -d '\r'
}
app=$(output functionAppName) health=$(output healthUrl) address=$(output outboundIpAddress)

echo "Function app: $app"
echo "Health: $health"
echo "Outbound address, for 企业可信IP: ${address:-not fixed}"
if [[ ${TF_BUILD:-} ]]; then
  echo "##vso[task.setvariable variable=functionAppName]$app"
  echo "##vso[task.setvariable variable=healthUrl]$health"
fi
