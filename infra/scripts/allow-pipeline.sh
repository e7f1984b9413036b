#!/usr/bin/env bash
# What the pipeline may do to an environment that has been deployed once by hand, and from where. Its two service connections
# wecomfunc-ENVIRONMENT and wecomfunc-ENVIRONMENT-preview exist; this makes the environment of Azure Pipelines, puts checks on all
# three, and gives both principals their roles. Needs an az signed in as Owner of the resource group and as an administrator of
# the project in Azure DevOps. It can be run again.
set -euo pipefail

if [[ $# != 5 ]]; then
  echo "Usage: REPOSITORY_TYPE=git|github $0 https://dev.azure.com/ORGANIZATION PROJECT REPOSITORY RESOURCE-GROUP ENVIRONMENT" >&2
  exit 2
fi

# On Windows its lines end in CR.
az() { command az "$@" | tr -d '\r'; }

project=$1/$2 repository=$3 group=$4 environment=$5
[[ ${REPOSITORY_TYPE:-git} != git ]] || repository=$2/$3
scope=$(az group show --name "$group" --query id --output tsv)
identity=$(az deployment group show --resource-group "$group" --name "wecomfunc-$environment" \
  --query properties.outputs.identityPrincipalId.value --output tsv)

# Azure DevOps by its own name in Entra ID.
devops() { az rest --resource 499b84ac-1321-427f-aa17-267ca6975798 --method "$1" --url "$project/_apis/$2" "${@:3}"; }

of_connection() {
  local found
  found=$(devops get "serviceendpoint/endpoints?endpointNames=$1&api-version=7.1" --query "value[0].$2" --output tsv)
  [[ $found ]] || { echo "There is no service connection $1." >&2 && return 1; }
  echo "$found"
}

# A new role or principal is not known everywhere at once.
patiently() {
  local try
  for try in 1 2 3 4 5 6; do
    "$@" && return
    echo "Try $try of 6 failed." >&2
    sleep "${PAUSE:-20}"
  done
  return 1
}

# Name, what it is known by (its task, or else its type), and what makes it.
branch='Branch control/86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b: {"type":{"id":"fe1de3ee-a436-41b4-bb20-f6eb4cb879a7","name":"Task Check"},"settings":{"displayName":"Branch control",
  "definitionRef":{"id":"86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b","name":"evaluatebranchProtection","version":"0.0.1"},
  "inputs":{"allowedBranches":"refs/heads/main","ensureProtectionOfBranch":"true","allowUnknownStatusBranch":"false"}}'
template='Required template/4020e66e-b0f3-47e1-bc88-48f3cc59b5f3: {"type":{"id":"4020e66e-b0f3-47e1-bc88-48f3cc59b5f3","name":"ExtendsCheck"},"settings":{"extendsChecks":[
  {"repositoryType":"'${REPOSITORY_TYPE:-git}'","repositoryName":"'$repository'",
  "repositoryRef":"refs/heads/main","templatePath":"infra/pipelines/stages.yml"}]}'
lock='Exclusive lock/2ef31ad6-baa0-403a-8b45-2cbc9b4e5563: {"type":{"id":"2ef31ad6-baa0-403a-8b45-2cbc9b4e5563","name":"ExclusiveLock"},"settings":{}'

# protect endpoint|environment ID NAME CHECK...
protect() {
  local there check known
  there=$(devops get "pipelines/checks/configurations?resourceType=$1&resourceId=$2&\$expand=settings&api-version=7.1-preview.1" \
    --query 'value[].[settings.definitionRef.id, type.id][]' --output tsv)
  for check in "${@:4}"; do
    known=${check%%: *}
    if grep -qi "${known#*/}" <<<"$there"; then
      echo "The $1 $3 has the check ${known%/*} already; it stays as it is."
      continue
    fi
    devops post 'pipelines/checks/configurations?api-version=7.1-preview.1' --output none \
      --body "${check#*: },\"resource\":{\"type\":\"$1\",\"id\":\"$2\",\"name\":\"$3\"},\"timeout\":43200}"
  done
}

# First the environment: the first run would make it, with no check on it.
named=wecomfunc-$environment
id=$(devops get "distributedtask/environments?name=$named&api-version=7.1" --query 'value[0].id' --output tsv)
[[ $id ]] || id=$(devops post 'distributedtask/environments?api-version=7.1' --body "{\"name\":\"$named\"}" --query id --output tsv)
protect environment "$id" "$named" "$branch" "$lock"
for connection in "$named" "$named-preview"; do
  id=$(of_connection "$connection" id)
  protect endpoint "$id" "$connection" "$branch" "$template"
done

# It may give the app's identity the app's four roles, and nobody anything else: the corpsecret stays out of its reach.
allowed='b7e6dc6d-f1e8-4753-8033-0f276bb0955b, 0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
allowed+=', 4633458b-17de-408a-b874-0445c86b69e6, 3913510d-42f4-4e42-8a64-420c390055eb'
limit() {
  local of="@$2[Microsoft.Authorization/roleAssignments"
  echo "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/$1'})) OR" \
    "($of:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {$allowed}" \
    "AND $of:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}" \
    "AND $of:PrincipalId] ForAnyOfAnyValues:GuidEquals {$identity}))"
}
application=$(of_connection "$named" authorization.parameters.serviceprincipalid)
deployer=$(az ad sp show --id "$application" --query id --output tsv)
patiently az role assignment create --role Contributor --scope "$scope" --assignee-object-id "$deployer" \
  --assignee-principal-type ServicePrincipal --output none
patiently az role assignment create --role 'Role Based Access Control Administrator' --scope "$scope" --assignee-object-id "$deployer" \
  --assignee-principal-type ServicePrincipal --output none \
  --condition "$(limit write Request) AND $(limit delete Resource)" --condition-version 2.0

# The preview reads, and asks what a deployment would do. Contributor is what the wizard of the connection gave it.
role="WeComFunc preview of $group"
known=$(az role definition list --name "$role" --resource-group "$group" --query 'length(@)' --output tsv)
[[ $known != 0 ]] || az role definition create --output none --role-definition '{"Name":"'"$role"'",
  "Description":"Reads, and sees what a deployment would change.","AssignableScopes":["'"$scope"'"],
  "Actions":["*/read","Microsoft.Resources/deployments/whatIf/action","Microsoft.Resources/deployments/validate/action",
  "Microsoft.Logic/workflows/triggers/listCallbackUrl/action"]}'
application=$(of_connection "$named-preview" authorization.parameters.serviceprincipalid)
previewer=$(az ad sp show --id "$application" --query id --output tsv)
patiently az role assignment create --role "$role" --scope "$scope" --assignee-object-id "$previewer" \
  --assignee-principal-type ServicePrincipal --output none
az role assignment delete --role Contributor --scope "$scope" --assignee "$previewer" --output none
echo "The pipeline may preview and deploy $environment, from main."
