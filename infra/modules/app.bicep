metadata description = 'The Flex Consumption plan and the function app.'

@description('Name of the plan.')
param planName string

@description('Name of the function app.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the identity that the app runs as.')
param identityId string

@description('Client id of this identity.')
param clientId string

@description('Subnet of outbound calls; empty for none.')
param subnetId string

@description('Storage account of the Functions host.')
param hostStorageName string

@description('Its container of the app package.')
param packageContainer string

@description('Application Insights.')
param insightsName string

@description('Whether telemetry is sent by the app\'s identity.')
param entraTelemetry bool

@description('Log Analytics workspace of the diagnostic settings.')
param workspaceId string

@description('Instances that are always warm for HTTP.')
param alwaysReadyInstances int

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('Most instances.')
param maximumInstanceCount int

@description('Logins under way at once in an instance before the platform starts another.')
param perInstanceConcurrency int

@description('Whether instances are spread over the zones of the region.')
param zoneRedundant bool

@description('What the app itself reads, see docs/contract.md.')
param settings object

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostStorageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

// What the platform of Flex Consumption sets itself and refuses from others is not here: FUNCTIONS_WORKER_RUNTIME,
// FUNCTIONS_EXTENSION_VERSION, WEBSITE_RUN_FROM_PACKAGE, WEBSITE_CONTENT*. Nor is AzureWebJobsStorage itself: a connection
// string beside the identity settings would win over them.
var hostSettings = {
  // The address and not the account's name: the name alone works in the public cloud only. Blobs are all that timer, keys and
  // package need. Where the table's address is given too, the host keeps diagnostic events there: for that it needs a role that may
  // create tables, and without it host 4.1038 logs a 403 every ten minutes (azure-functions-host #10995).
  AzureWebJobsStorage__blobServiceUri: hostStorage.properties.primaryEndpoints.blob
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  // 64 KiB. The host reads a body as a whole before the app sees its length, up to 100 MB by default: twenty large posts would
  // fill an instance. The app itself takes 8 KiB, and 48 KiB of
  // encrypted member data.
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '65536'
}
var telemetrySettings = entraTelemetry
  ? {
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
    }
  : {}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    // Certificates of this app alone, without which it can never have a domain of its own. Only a new app takes this: it is on
    // from the first deployment, whether there is a domain or not. The compiler does not know it yet.
    #disable-next-line BCP037
    siteScopedCertificatesEnabled: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    outboundVnetRouting: empty(subnetId)
      ? null
      : {
          allTraffic: true
        }
    // No ftpsState: Azure has refused it on Flex Consumption. The policies below close FTP.
    siteConfig: {
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'dotnet-isolated'
        version: '10.0'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: {
          http: {
            perInstanceConcurrency: perInstanceConcurrency
          }
        }
        alwaysReady: alwaysReadyInstances == 0
          ? []
          : [
              {
                name: 'http'
                instanceCount: alwaysReadyInstances
              }
            ]
      }
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(hostSettings, telemetrySettings, settings)
  }
}

// Deployments come with an Entra token; user names and passwords of the site are off, and FTP knows nothing else.
resource noFtpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

// Metrics only: the logs are in Application Insights already, and here they would be paid for twice.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'metrics'
  scope: app
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output name string = app.name
output hostName string = app.properties.defaultHostName
output domainVerificationId string = app.properties.?customDomainVerificationId ?? ''
