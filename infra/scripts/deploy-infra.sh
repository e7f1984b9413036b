#!/usr/bin/env bash
# Deploys main.bicep for an environment, or shows what that would change. Needs a signed-in az, and what the parameter files read:
# WECOM_CORP_ID, ALERT_EMAIL, ALERT_WEBHOOK. What the app or Azure would refuse is refused here, before anything is sent. In a pipeline
# it sets functionAppName and healthUrl for the steps that follow.
set -euo pipefail
export LC_ALL=C # [a-z] is ASCII

if [[ $# != 3 || ! $1 =~ ^(what-if|create)$ ]]; then
  echo "Usage: WECOM_CORP_ID=ww… ALERT_EMAIL=… ALERT_WEBHOOK=https://…|none $0 what-if|create RESOURCE-GROUP ENVIRONMENT" >&2
  exit 2
fi

verb=$1 group=$2 environment=$3
infra=$(dirname "${BASH_SOURCE[0]}")/..
file=$infra/$environment.bicepparam
if [[ ! -f $file ]]; then
  echo "There is no $environment.bicepparam for the environment $environment." >&2
  exit 2
fi

# The compiler of lint and snapshots, whatever az or a build agent brings.
export AZURE_BICEP_USE_BINARY_FROM_PATH=false
az bicep install --version "v$(<"$infra/bicep.version")" >&2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
az bicep build-params --file "$file" --outfile "$work/parameters.json"

wrong=0
refuse() {
  echo "$1" >&2
  wrong=1
}

# What the file gives a parameter, as JSON; nothing where it leaves the default.
value_of() { sed -n "/^ *\"$1\": {/{n;s/^ *\"value\": //p;}" "$work/parameters.json"; }

# The text that a parameter has, with its default.
text_of() {
  local value
  value=$(value_of "$1")
  value=${value:-"\"$2\""}
  echo "${value//\"/}"
}

# Whether a parameter is switched on, by more than its name.
is_on() { [[ ! $(value_of "$1") =~ ^(\"\"|0|false)?$ ]]; }

# Refuses a parameter that the file gives and that the whole of the pattern does not match. The defaults are good.
check() {
  local value
  value=$(value_of "$1")
  [[ ! $value || $value =~ ^\"($2)\"$ ]] && return
  [[ $1 != alertWebhook ]] || value='not shown' # it is a key
  refuse "$1 is $value, but it must be $3."
}

# Refuses what is on without what it needs.
needs() {
  local needed
  is_on "$1" || return 0
  for needed in "${@:2}"; do
    is_on "$needed" || refuse "$1 is set, so $needed must be set too."
  done
}

# One field of an NCRONTAB, of the numbers that the pattern matches: stars, numbers and ranges, with steps, by comma.
field() { echo "(\*|$1(-$1)?)(/[1-9][0-9]?)?(,(\*|$1(-$1)?)(/[1-9][0-9]?)?)*"; }
sixty='[1-5]?[0-9]'
schedule="$(field "$sixty") $(field "$sixty") $(field '(1?[0-9]|2[0-3])')"
schedule+=" $(field '([1-9]|[12][0-9]|3[01])') $(field '([1-9]|1[0-2])') $(field '[0-6]')"

# The patterns are those of Settings.cs; a test holds them equal.
for one in name environmentName; do
  check $one '[a-z][a-z0-9-]{1,31}' 'lower-case letters, digits and hyphens, a letter first, 2 to 32 of them'
done
check environmentName "$environment" "$environment, as the command says"
check corpId '[0-9A-Za-z_-]{2,64}' 'the 企业ID of the corp, 2 to 64 letters, digits, _ and -, mostly ww followed by letters and digits'
check appName '[0-9a-z]{1,32}' '1 to 32 lower-case letters and digits'
check corpSecretName '[0-9A-Za-z-]{1,127}' 'the name of a Key Vault secret, 1 to 127 letters, digits and hyphens'
# The further apps: what each of them is given, on lines of their own.
sed -n '/^ *"apps": {/,/^    }/p' "$work/parameters.json" >"$work/apps.json"
for one in 'name|[0-9a-z]{1,32}|1 to 32 lower-case letters and digits' \
  'corpId|[0-9A-Za-z_-]{2,64}|the 企业ID of the corp, 2 to 64 letters, digits, _ and -, mostly ww followed by letters and digits' \
  'corpSecretName|[0-9A-Za-z-]{1,127}|the name of a Key Vault secret, 1 to 127 letters, digits and hyphens' \
  'miniProgramAppId|wx[0-9A-Za-z]{1,62}|the appid of a mini program, wx followed by letters and digits'; do
  IFS='|' read -r member pattern expectation <<<"$one"
  while read -r value; do
    [[ $value =~ ^\"($pattern)\"$ ]] || refuse "$member of one of the apps is $value, but it must be $expectation."
  done < <(sed -n "s/^ *\"$member\": \(.*[^,]\),\{0,1\}$/\1/p" "$work/apps.json")
done
while read -r value; do
  refuse "$value is the name of two apps: give one of them another."
done < <({ text_of appName default && sed -n 's/^ *"name": "\(.*\)",\{0,1\}$/\1/p' "$work/apps.json"; } | sort | uniq -d)
check tokenTableName '[A-Za-z][0-9A-Za-z]{2,62}' '3 to 63 letters and digits, a letter first'
check sessionTableName '[A-Za-z][0-9A-Za-z]{2,62}' '3 to 63 letters and digits, a letter first'
check miniProgramAppId '(wx[0-9A-Za-z]{1,62})?' 'the appid of the mini program, wx followed by letters and digits'
check tokenRefreshSchedule "$schedule" 'an NCRONTAB expression of six fields, seconds first, such as 0 */5 * * * *'
check profileFields '([0-9A-Za-z_]+(, ?[0-9A-Za-z_]+)*)?' 'a comma-separated list of members of the profile, such as name,department'
check sessionIssuer '(https://[0-9A-Za-z.:-]+(/[0-9A-Za-z._~%/-]*[0-9A-Za-z._~%-])?)?' \
  'an https address without a query and a last slash, such as https://login.example.com/api'
check sessionAudience '([0-9A-Za-z._~:/@%+=?&#-]+(, ?[0-9A-Za-z._~:/@%+=?&#-]+)*)?' \
  'a comma-separated list of audiences without spaces, such as orders-api'
check sessionClaims '([0-9A-Za-z_]+(, ?[0-9A-Za-z_]+)*)?' 'a comma-separated list of members of the profile, such as name,department'
check sessionKeySecretName '[0-9A-Za-z-]{1,127}' 'the name of a Key Vault secret, 1 to 127 letters, digits and hyphens'
check loginsPerSecondPerAddress '0|0\.[0-9]{0,2}[1-9]|[1-9][0-9]{0,5}(\.[0-9]+)?' '0 (off) or a number from 0.001 to 999999'
check alertEmail '[^@" ]+@[^@" ]+\.[^@" ]+' 'an e-mail address'
check alertWebhook 'https://[^" ]+|none' 'an https address, or none'
check customDomain '([a-z0-9-]+(\.[a-z0-9-]+)+)?' 'a domain in lower case, such as login.example.com'
check budgetFrom '(20[0-9]{2}-(0[1-9]|1[0-2])-01)?' 'the first day of a month, such as 2026-12-01'
needs monthlyBudget budgetFrom
needs sessionIssuer sessionAudience
needs memberData sessionIssuer miniProgramAppId
if is_on sessionIssuer; then
  for one in $(text_of sessionClaims '' | tr ',' ' '); do
    case $one in
      iss | aud | sub | client_id | iat | nbf | exp | jti | corpid | userid | acr | act | amr | auth_time | azp | cnf | entitlements | \
        groups | may_act | nonce | roles | scope | scp | sid | typ)
        refuse "sessionClaims has $one, which means something else in a token: leave it out." ;;
    esac
  done
fi
if is_on memberData; then
  # Table Storage tells no names apart by case.
  if [[ $(text_of tokenTableName wecomtokens | tr '[:upper:]' '[:lower:]') == $(text_of sessionTableName wecomsessions | tr '[:upper:]' '[:lower:]') ]]; then
    refuse 'sessionTableName is that of tokenTableName: give it another name.'
  fi
  while read -r value; do
    refuse "memberData is set, so the app $value needs its miniProgramAppId."
  done < <(awk -F'"' '/{$/ { name = ""; has = 0 } $2 == "name" { name = $4 } $2 == "miniProgramAppId" { has = 1 }
    /^ *},?$/ && name != "" && !has { print name; name = "" }' "$work/apps.json")
fi
((wrong == 0)) || exit 2

parameters=(--resource-group "$group" --parameters "$file")
if [[ $verb == what-if ]]; then
  # Reading is enough: the stage that shows what would change may not write.
  az deployment group what-if "${parameters[@]}" --validation-level ProviderNoRbac
  exit
fi

az deployment group create "${parameters[@]}" --name "wecomfunc-$environment" --output none
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
