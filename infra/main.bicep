metadata description = 'WeComFunc: the login of mini programs for companies on WeCom, as a function app on Flex Consumption.'

targetScope = 'resourceGroup'

@description('Short name of the installation: lower-case letters, digits and hyphens, a letter first. Part of the resource names.')
@minLength(2)
@maxLength(32)
param name string = 'wecomfunc'

@description('Name of the environment, such as dev or prod: lower-case letters, digits and hyphens. Part of the resource names and the tag environment.')
@minLength(2)
@maxLength(32)
param environmentName string

@description('Region of every resource.')
param location string = resourceGroup().location

@description('Tags for every resource, beside environment and app.')
param tags object = {}

@description('An app of this or another corp.')
type furtherApp = {
  @description('Its name, which the mini program sends as app.')
  @minLength(1)
  @maxLength(32)
  name: string

  @description('企业ID of its corp.')
  @minLength(2)
  @maxLength(64)
  corpId: string

  @description('Name of the Key Vault secret that holds its corpsecret.')
  @minLength(1)
  @maxLength(127)
  corpSecretName: string?

  @description('appid of its mini program (wx…), for memberData.')
  @minLength(3)
  @maxLength(64)
  miniProgramAppId: string?
}

@description('企业ID of the corp: 2 to 64 letters, digits, underscores and hyphens, mostly ww…')
@minLength(2)
@maxLength(64)
param corpId string

@description('Name of the Key Vault secret that holds the corpsecret. Its value is never a parameter: an operator sets it, see the README.')
@minLength(1)
@maxLength(127)
param corpSecretName string = 'wecom-corpsecret'

@description('Further apps, of this or other corps, each with a name that the mini program sends: lower-case letters and digits, another one than appName. The Key Vault secret of its corpsecret is wecom-corpsecret-NAME, unless it is given another.')
@maxLength(50)
param apps furtherApp[] = []

@description('Creates the secrets, disabled and without a value of worth, when they do not exist, so that the app can be given a role on each of them alone. An existing secret is never touched. False where the platform does not know @onlyIfNotExists: then set the secrets before the second deployment.')
param createSecretPlaceholder bool = true

@description('Days for which a deleted vault, and its name, are kept: purge protection lets nobody end them earlier. Set when the vault is made, never changed.')
@minValue(7)
@maxValue(90)
param vaultRetentionDays int = 90

@description('Recovers the vault that an earlier installation of the same name left behind, deleted. For one deployment only, see the README.')
param recoverDeletedVault bool = false

@description('Name of the table that holds the access_token, encrypted.')
@minLength(3)
@maxLength(63)
param tokenTableName string = 'wecomtokens'

@description('NCRONTAB of the timer, UTC. The alert on the renewal expects a run in every 30 minutes, and the token rules expect one in every five.')
param tokenRefreshSchedule string = '0 */5 * * * *'

@description('Members of the profile that a login returns, comma-separated; empty for all.')
param profileFields string = ''

@description('Whether a member whose profile the app may not see is refused.')
param requireProfile bool = false

@description('Whether a login returns the departments of the profile by name, too.')
param departmentNames bool = false

@description('The https address at which callers reach the app\'s /api, such as https://login.example.com/api, without a last slash. It turns sessions on: a login gives a token, too, that other back ends check. Empty for none. Store a key first, see the README; another address later makes every token that is out invalid.')
@maxLength(512)
param sessionIssuer string = ''

@description('Whom the session token is for, comma-separated, such as orders-api. Needed with sessionIssuer.')
param sessionAudience string = ''

@description('Minutes for which a session is good.')
@minValue(5)
@maxValue(1440)
param sessionLifetimeMinutes int = 60

@description('Members of the profile that go into the session token, comma-separated.')
param sessionClaims string = ''

@description('Name of the Key Vault secret with the keys of sessions. Its value is never a parameter: infra/scripts/session-key.sh makes and stores it.')
@minLength(1)
@maxLength(127)
param sessionKeySecretName string = 'wecomfunc-session-key'

@description('Whether a session also opens what WeCom gives only encrypted (mobile, e-mail): see the README. Needs sessionIssuer, and the appid of the mini program of every app.')
param memberData bool = false

@description('appid of the mini program (wx…), for memberData.')
@maxLength(64)
param miniProgramAppId string = ''

@description('Name of the table that holds the session_key of each session, encrypted.')
@minLength(3)
@maxLength(63)
param sessionTableName string = 'wecomsessions'

@description('Logins per second that the limiter allows a caller address, per instance: a number such as 50 or 0.5; 0 switches the limiter off.')
param loginsPerSecondPerAddress string = '50'

@description('Name of the app: row key of its token. Two deployments that share a table need two names.')
@minLength(1)
@maxLength(32)
param appName string = 'default'

@description('Reverse proxies of yours (Front Door, API Management, a CDN) between the callers and the app. Close every way around them first: who comes another way may call itself what it likes.')
@minValue(0)
@maxValue(10)
param trustedProxies int = 0

@description('Logins that one caller address may make at once, per instance.')
@minValue(1)
@maxValue(1000000)
param burstPerAddress int = 500

@description('Logins under way in one instance; more are answered 503 at once.')
@minValue(1)
@maxValue(100000)
param concurrentLogins int = 500

@description('Instances that are always warm for HTTP. They are billed all the time.')
@minValue(0)
@maxValue(100)
param alwaysReadyInstances int = 0

@description('Memory of an instance in MB, and with it its share of a core and its price: 512 has a quarter of a core and costs a quarter of 2048, which has one.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Logins under way at once in an instance before the platform starts another. A login waits for WeCom and hardly computes (0.3 ms, the Functions host included): a hundred of 100 ms each take a third of a core. The platform\'s own 16 would start, and bill, an instance for every sixteen that wait. With 512 MB take 50.')
@minValue(1)
@maxValue(500)
param perInstanceConcurrency int = 100

@description('Instances spread over the zones of the region. It keeps two instances always warm (about 42 USD a month with 2048 MB) and wants storageSku Standard_ZRS: decide before the first deployment.')
param zoneRedundant bool = false

@description('Most instances that the platform starts. Forty of 2048 MB, busy all day, cost about 180 USD.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Sends outbound calls through one fixed address, for WeCom\'s trusted-IP list (企业可信IP): virtual network, NAT gateway, public IP.')
param fixedOutboundIp bool = true

@description('Zones of the outbound address: Standard is in one of them, StandardV2 in all, for the same price. The other SKU is another address: decide before the first production deployment, and try StandardV2 on dev first, since it may not take a subnet of Flex Consumption.')
@allowed(['Standard', 'StandardV2'])
param natSku string = 'Standard'

@description('Private endpoints of the vault and the token table: off; beside their public access; or only, with public access off. An installation that runs goes from off to beside to only, so that the app is never cut off.')
@allowed(['off', 'beside', 'only'])
param privateEndpoints string = 'off'

@description('Whether the storage of the Functions host, which holds function keys and the package, takes part in privateEndpoints. Try it on dev first.')
param privateHostStorage bool = false

@description('A domain of yours that mini programs call, such as login.example.com, with its two DNS records set: see the README. Empty for none; then only developer tools can call the app.')
@maxLength(253)
param customDomain string = ''

@description('Whether the app itself answers for the domain; false where Front Door does, and hands on.')
param bindCustomDomain bool = true

@description('Resource id of the vault with the certificate of the domain; empty for a certificate that the platform issues and renews.')
param certificateVaultId string = ''

@description('Name of the certificate in this vault.')
param certificateName string = ''

@description('Address space of the virtual network, /23 or larger. Two /24 are taken from it.')
param virtualNetworkPrefix string = '10.120.0.0/23'

@description('Redundancy of both storage accounts.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string = 'Standard_LRS'

@description('Telemetry by the app\'s identity only, without an instrumentation key. Off in Azure China, where Application Insights is not known to support it.')
param entraTelemetry bool = environment().name != 'AzureChinaCloud'

@description('Settings OTEL_… of OpenTelemetry, such as OTEL_EXPORTER_OTLP_ENDPOINT: where that is among them, the app sends traces, metrics and its log there too, by OTLP. They stand in clear among the settings of the app: where the receiver wants a key, send to a collector of yours that adds it.')
param openTelemetry { *: string } = {}

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Most logs that are taken in a day, in GB; 0 for no cap. A cap bounds what a flood of requests can cost, and has its price: once it is reached, nothing is logged until the next day, and every alert that reads logs is silent.')
@minValue(0)
@maxValue(1000)
param logDailyCapGb int = 0

@description('Who gets the alerts by e-mail.')
param alertEmail string

@description('A second way to the operators: the address of a robot of a WeCom group (群机器人), or of anything else that takes the common alert schema of Azure Monitor; none for none.')
@secure()
param alertWebhook string

@description('What a month may cost, in the currency of the account: an e-mail at 80 %, and when the forecast is above it. 0 for no budget. Not every kind of subscription knows budgets.')
@minValue(0)
param monthlyBudget int = 0

@description('First day of the month in which the budget is made, such as 2026-12-01. It stays what it is: Azure takes no other for a budget that exists.')
param budgetFrom string = ''

@description('Whether the alerts are on.')
param alertsEnabled bool = true

@description('Failed logins, in percent, above which an alert is raised. Refusals that are up to the caller do not count.')
@minValue(1)
@maxValue(100)
param failedLoginPercent int = 20

@description('95th percentile of the duration of a successful login, in ms, above which an alert is raised.')
@minValue(100)
@maxValue(10000)
param slowLoginMs int = 3000

@description('Places that call /api/health every five minutes, ids of Application Insights availability locations; empty for no availability test, as in Azure China, which has none of these places.')
param availabilityTestLocations array = environment().name == 'AzureChinaCloud'
  ? []
  : ['apac-hk-hkn-azr', 'apac-sg-sin-azr', 'apac-jp-kaw-edge']

// A name that another name, or a look-up, is made of comes from here and not from a module's output: what-if cannot look into a
// module whose names it does not know yet, and would not show what changes there.
// The scheme of the names, with the longest each can get, is in the README. The token is 13 characters and depends on the
// resource group, both names and the region: in another region nothing meets what was deleted in the old one. What has to be
// unique in all of Azure, and is short, has nothing but it.
var slug = toLower(take('${take(name, 9)}-${take(environmentName, 8)}', 18))
var token = uniqueString(resourceGroup().id, name, environmentName, location)
var names = {
  identity: 'id-${slug}-${token}'
  logs: 'log-${slug}-${token}'
  insights: 'appi-${slug}-${token}'
  vault: 'kv-${token}'
  hostStorage: 'sthost${token}'
  tokenStorage: 'sttoken${token}'
  network: 'vnet-${slug}-${token}'
  natGateway: 'ng-${slug}-${token}'
  publicIp: 'pip-${slug}-${token}'
  vaultEndpoint: 'pep-kv-${slug}-${token}'
  tableEndpoint: 'pep-st-${slug}-${token}'
  blobEndpoint: 'pep-host-${slug}-${token}'
  plan: 'plan-${slug}-${token}'
  app: 'func-${take(slug, 13)}-${token}'
  actionGroup: 'ag-${slug}-${token}'
  robot: 'logic-${slug}-${token}'
  budget: 'budget-${slug}-${token}'
  healthTest: 'health-${slug}-${token}'
  alerts: 'alert-${slug}-${token}'
}
var hasEndpoints = privateEndpoints != 'off'
var isPrivate = privateEndpoints == 'only'
var hasNetwork = fixedOutboundIp || hasEndpoints
var host = empty(customDomain) ? app.outputs.hostName : customDomain
var allTags = union(tags, {
  environment: environmentName
  app: name
})

module identity 'modules/identity.bicep' = {
  params: {
    name: names.identity
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    logsName: names.logs
    insightsName: names.insights
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
    entraOnly: entraTelemetry
    identityName: names.identity
    principalId: identity.outputs.principalId
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  params: {
    name: names.hostStorage
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate && privateHostStorage
    identityName: names.identity
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module tokenTable 'modules/token-table.bicep' = {
  params: {
    name: names.tokenStorage
    tableName: tokenTableName
    sessionTableName: memberData ? sessionTableName : ''
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: isPrivate
    identityName: names.identity
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'modules/vault.bicep' = {
  params: {
    name: names.vault
    // The one of sessions, too, where they are off: it is stored before they are turned on.
    // Apps may share one.
    secretNames: union(
      [corpSecretName, sessionKeySecretName],
      map(apps, one => one.?corpSecretName ?? 'wecom-corpsecret-${one.name}')
    )
    createPlaceholder: createSecretPlaceholder
    retentionDays: vaultRetentionDays
    recoverDeleted: recoverDeletedVault
    location: location
    tags: allTags
    isPrivate: isPrivate
    identityName: names.identity
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (hasNetwork) {
  params: {
    networkName: names.network
    natGatewayName: names.natGateway
    publicIpName: names.publicIp
    addressPrefix: virtualNetworkPrefix
    fixedOutboundIp: fixedOutboundIp
    natSku: natSku
    location: location
    tags: allTags
  }
}

// Azure's naming of the zones: the vault's is vaultcore where its public name is vault, in every cloud.
module vaultEndpoint 'modules/private-endpoint.bicep' = if (hasEndpoints) {
  params: {
    name: names.vaultEndpoint
    targetId: vault.outputs.id
    group: 'vault'
    zone: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
    networkName: names.network
    networkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
    location: location
    tags: allTags
  }
}

module tableEndpoint 'modules/private-endpoint.bicep' = if (hasEndpoints) {
  params: {
    name: names.tableEndpoint
    targetId: tokenTable.outputs.accountId
    group: 'table'
    zone: 'privatelink.table.${environment().suffixes.storage}'
    networkName: names.network
    networkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
    location: location
    tags: allTags
  }
}

module blobEndpoint 'modules/private-endpoint.bicep' = if (hasEndpoints && privateHostStorage) {
  params: {
    name: names.blobEndpoint
    targetId: hostStorage.outputs.accountId
    group: 'blob'
    zone: 'privatelink.blob.${environment().suffixes.storage}'
    networkName: names.network
    networkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
    location: location
    tags: allTags
  }
}

// Not set, on purpose: WeCom__BaseUrl (its default is WeCom), WeCom__CorpSecret and TokenStore__ConnectionString (secrets, for
// Development), AZURE_FUNCTIONS_ENVIRONMENT and DOTNET_ENVIRONMENT (nothing here is Development), OTEL_EXPORTER_OTLP_ENDPOINT (where
// telemetry is sent by OTLP, openTelemetry has it).
var appSettings = {
  AZURE_CLIENT_ID: identity.outputs.clientId
  KeyVault__Uri: vault.outputs.uri
  TokenStore__ServiceUri: tokenTable.outputs.serviceUri
  TokenStore__TableName: tokenTable.outputs.tableName
  TokenRefreshSchedule: tokenRefreshSchedule
  WeCom__CorpId: corpId
  WeCom__CorpSecretName: corpSecretName
  Login__ProfileFields: profileFields
  Login__RequireProfile: string(requireProfile)
  Login__DepartmentNames: string(departmentNames)
  Session__Issuer: sessionIssuer
  Session__Audience: sessionAudience
  Session__LifetimeMinutes: string(sessionLifetimeMinutes)
  Session__Claims: sessionClaims
  Session__KeySecretName: sessionKeySecretName
  MemberData__Enabled: string(memberData)
  MemberData__TableName: sessionTableName
  WeCom__MiniProgramAppId: miniProgramAppId
  Limits__LoginsPerSecondPerAddress: loginsPerSecondPerAddress
  Limits__BurstPerAddress: string(burstPerAddress)
  Limits__ConcurrentLogins: string(concurrentLogins)
  Limits__TrustedProxies: string(trustedProxies)
  WeCom__AppName: appName
}
var furtherSettings = reduce(
  apps,
  {},
  (all, one) =>
    union(all, {
      'WeCom__Apps__${one.name}__CorpId': one.corpId
      'WeCom__Apps__${one.name}__CorpSecretName': one.?corpSecretName ?? 'wecom-corpsecret-${one.name}'
      'WeCom__Apps__${one.name}__MiniProgramAppId': one.?miniProgramAppId ?? ''
    })
)

module app 'modules/app.bicep' = {
  params: {
    planName: names.plan
    name: names.app
    location: location
    tags: allTags
    identityId: identity.outputs.id
    clientId: identity.outputs.clientId
    subnetId: hasNetwork ? network!.outputs.appSubnetId : ''
    hostStorageName: names.hostStorage
    packageContainer: hostStorage.outputs.packageContainer
    insightsName: names.insights
    entraTelemetry: entraTelemetry
    workspaceId: monitoring.outputs.workspaceId
    alwaysReadyInstances: zoneRedundant ? max(2, alwaysReadyInstances) : alwaysReadyInstances
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    perInstanceConcurrency: perInstanceConcurrency
    zoneRedundant: zoneRedundant
    settings: union(appSettings, furtherSettings, openTelemetry)
  }
  // The app starts at once, and its first steps lead to all three.
  dependsOn: [
    vaultEndpoint
    tableEndpoint
    blobEndpoint
  ]
}

module domain 'modules/domain.bicep' = if (!empty(customDomain) && bindCustomDomain) {
  params: {
    appName: names.app
    domain: customDomain
    certificateVaultId: certificateVaultId
    certificateName: certificateName
    location: location
    tags: allTags
  }
  dependsOn: [
    app
  ]
}

module operators 'modules/operators.bicep' = {
  params: {
    actionGroupName: names.actionGroup
    robotName: names.robot
    budgetName: names.budget
    location: location
    tags: allTags
    email: alertEmail
    webhook: alertWebhook
    monthlyBudget: monthlyBudget
    budgetFrom: budgetFrom
  }
}

module alerts 'modules/alerts.bicep' = {
  params: {
    actionGroupId: operators.outputs.actionGroupId
    healthTestName: names.healthTest
    alertPrefix: names.alerts
    label: '${name} ${environmentName}'
    location: location
    tags: allTags
    enabled: alertsEnabled
    insightsId: monitoring.outputs.insightsId
    healthUrl: 'https://${host}/api/health'
    healthTestLocations: availabilityTestLocations
    failedLoginPercent: failedLoginPercent
    slowLoginMs: slowLoginMs
  }
}

module workbook 'modules/workbook.bicep' = {
  params: {
    name: guid(names.insights, 'logins')
    displayName: '${name} ${environmentName}: logins'
    location: location
    tags: allTags
    insightsId: monitoring.outputs.insightsId
  }
}

@description('Where a mini program posts its code; it needs a function key too.')
output loginUrl string = 'https://${host}/api/login'

@description('Answers whether a login could succeed now.')
output healthUrl string = 'https://${host}/api/health'

@description('The issuer of session tokens, which other back ends are given; empty where sessions are off.')
output sessionIssuer string = sessionIssuer

@description('Where other back ends find the keys of sessions; empty where sessions are off.')
output discoveryUrl string = empty(sessionIssuer) ? '' : '${sessionIssuer}/.well-known/openid-configuration'

@description('Name of the function app.')
output functionAppName string = app.outputs.name

@description('Where the CNAME record of a domain of your own points.')
output cnameTarget string = app.outputs.hostName

@description('Value of the TXT record asuid.DOMAIN, which proves that a domain is yours.')
output domainVerificationId string = app.outputs.domainVerificationId

@description('The address to enter under 企业可信IP in WeCom\'s console; empty without fixedOutboundIp.')
output outboundIpAddress string = hasNetwork ? network!.outputs.outboundIpAddress : ''

@description('Name of this address, for a lock on it; empty without fixedOutboundIp.')
output publicIpName string = fixedOutboundIp ? names.publicIp : ''

@description('Name of the virtual network; empty where there is none.')
output networkName string = hasNetwork ? names.network : ''

@description('Name of the vault that the operator sets the corpsecret in.')
output vaultName string = vault.outputs.name

@description('Name of the user-assigned identity that the app runs as.')
output identityName string = identity.outputs.name

@description('Object id of this identity, for roles elsewhere.')
output identityPrincipalId string = identity.outputs.principalId

@description('Client id of this identity.')
output identityClientId string = identity.outputs.clientId

@description('Name of the storage account of the token table.')
output tokenStorageName string = tokenTable.outputs.accountName

@description('Name of Application Insights, where the logs and the workbook are.')
output applicationInsightsName string = names.insights
