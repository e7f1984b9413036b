# shellcheck shell=bash
# What the scripts ask of the function app $app in $group, and how they complain.

# site METHOD PATH [ARGUMENT...]: Azure Resource Manager itself, since of an app on Flex Consumption `az functionapp` shows other
# things in every version. A path without a host: az adds the address of the cloud it is signed in to, and the subscription.
site() {
  az rest --method "$1" "${@:3}" \
    --url "/subscriptions/{subscriptionId}/resourceGroups/${group:?}/providers/Microsoft.Web/sites/${app:?}$2?api-version=2024-11-01"
}

# issue error|warning TEXT: to the pipeline in its own way, to a terminal as it is.
issue() {
  if [[ ${TF_BUILD:-} ]]; then
    echo "##vso[task.logissue type=$1]$2"
  else
    echo "$1: $2" >&2
  fi
}
