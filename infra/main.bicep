metadata description = 'WeComFunc: the login of mini programs for companies on WeCom, as a function app on Flex Consumption.'

targetScope = 'resourceGroup'

@description('Short name of the installation: lower-case letters, digits and hyphens, a letter first. Part of the resource names.')
@minLength(2)
@maxLength(32)
param name string = 'wecomfunc'

@description('Name of the environment, such as dev or prod: lower-case letters, digits and hyphens. Part of the resource names and the tag azd-env-name.')
@minLength(2)
@maxLength(32)
param environmentName string

@description('Region of every resource.')
param location string = resourceGroup().location

@description('Tags for every resource, beside those that azd looks for.')
param tags object = {}

@description('企业ID of the corp: 2 to 64 letters, digits, underscores and hyphens, mostly ww…')
@minLength(2)
@maxLength(64)
param corpId string

@description('Name of the Key Vault secret that holds the corpsecret. Its value is never a parameter: an operator sets it, see the README.')
@minLength(1)
@maxLength(127)
param corpSecretName string = 'wecom-corpsecret'

@description('Creates the secret, disabled and without a corpsecret, when it does not exist, so that the app can be given a role on this one secret. An existing secret is never touched. False where the platform does not know @onlyIfNotExists: then set the secret before the second deployment.')
param createSecretPlaceholder bool = true

@description('Recovers the vault that an earlier installation of the same name left behind, deleted. Purge protection keeps its name taken for 90 days.')
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

@description('Logins per second that the limiter allows a caller address, per instance: a number such as 50 or 0.5; 0 switches the limiter off.')
param loginsPerSecondPerAddress string = '50'

@description('Logins that one caller address may make at once, per instance.')
@minValue(1)
@maxValue(1000000)
param burstPerAddress int = 500

@description('Instances that are always warm for HTTP. They are billed all the time.')
@minValue(0)
@maxValue(100)
param alwaysReadyInstances int = 0

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances that the platform starts.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Sends outbound calls through one fixed address, for WeCom\'s trusted-IP list (企业可信IP): virtual network, NAT gateway, public IP.')
param fixedOutboundIp bool = true

@description('Reaches the vault and the token table by private endpoints only; their public access is off then.')
param privateEndpoints bool = false

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

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Who gets the alerts by e-mail.')
param alertEmail string

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
// resource group and both names; what has to be unique in all of Azure, and is short, has nothing but it.
var slug = toLower(take('${take(name, 9)}-${take(environmentName, 8)}', 18))
var token = uniqueString(resourceGroup().id, name, environmentName)
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
  plan: 'plan-${slug}-${token}'
  app: 'func-${take(slug, 13)}-${token}'
  actionGroup: 'ag-${slug}-${token}'
  healthTest: 'health-${slug}-${token}'
  alerts: 'alert-${slug}-${token}'
}
var hasNetwork = fixedOutboundIp || privateEndpoints
var host = empty(customDomain) ? app.outputs.hostName : customDomain
var allTags = union(tags, {
  'azd-env-name': environmentName
  app: name
})

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: names.identity
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    logsName: names.logs
    insightsName: names.insights
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    entraOnly: entraTelemetry
    identityName: names.identity
    principalId: identity.outputs.principalId
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  params: {
    name: names.hostStorage
    location: location
    tags: allTags
    sku: storageSku
    identityName: names.identity
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module tokenTable 'modules/token-table.bicep' = {
  name: 'token-table'
  params: {
    name: names.tokenStorage
    tableName: tokenTableName
    location: location
    tags: allTags
    sku: storageSku
    isPrivate: privateEndpoints
    identityName: names.identity
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: names.vault
    secretName: corpSecretName
    createPlaceholder: createSecretPlaceholder
    recoverDeleted: recoverDeletedVault
    location: location
    tags: allTags
    isPrivate: privateEndpoints
    identityName: names.identity
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (hasNetwork) {
  name: 'network'
  params: {
    networkName: names.network
    natGatewayName: names.natGateway
    publicIpName: names.publicIp
    addressPrefix: virtualNetworkPrefix
    fixedOutboundIp: fixedOutboundIp
    location: location
    tags: allTags
  }
}

// Azure's naming of the zones: the vault's is vaultcore where its public name is vault, in every cloud.
module vaultEndpoint 'modules/private-endpoint.bicep' = if (privateEndpoints) {
  name: 'vault-endpoint'
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

module tableEndpoint 'modules/private-endpoint.bicep' = if (privateEndpoints) {
  name: 'table-endpoint'
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

module app 'modules/app.bicep' = {
  name: 'app'
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
    alwaysReadyInstances: alwaysReadyInstances
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    vaultUri: vault.outputs.uri
    tableServiceUri: tokenTable.outputs.serviceUri
    tableName: tokenTable.outputs.tableName
    corpId: corpId
    corpSecretName: corpSecretName
    tokenRefreshSchedule: tokenRefreshSchedule
    profileFields: profileFields
    requireProfile: requireProfile
    loginsPerSecondPerAddress: loginsPerSecondPerAddress
    burstPerAddress: burstPerAddress
  }
}

module domain 'modules/domain.bicep' = if (!empty(customDomain) && bindCustomDomain) {
  name: 'domain'
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

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    actionGroupName: names.actionGroup
    healthTestName: names.healthTest
    alertPrefix: names.alerts
    label: '${name} ${environmentName}'
    location: location
    tags: allTags
    email: alertEmail
    enabled: alertsEnabled
    insightsId: monitoring.outputs.insightsId
    healthUrl: 'https://${host}/api/health'
    healthTestLocations: availabilityTestLocations
    failedLoginPercent: failedLoginPercent
    slowLoginMs: slowLoginMs
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
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

@description('Name of the function app.')
output functionAppName string = app.outputs.name

@description('Where the CNAME record of a domain of your own points.')
output cnameTarget string = app.outputs.hostName

@description('Value of the TXT record asuid.DOMAIN, which proves that a domain is yours.')
output domainVerificationId string = app.outputs.domainVerificationId

@description('The address to enter under 企业可信IP in WeCom\'s console; empty without fixedOutboundIp.')
output outboundIpAddress string = hasNetwork ? network!.outputs.outboundIpAddress : ''

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
