metadata description = 'The tables of the access_token and of sessions, in a storage account of their own: whoever may read the host\'s storage has no business here.'

@description('Name of the account.')
param name string

@description('Name of the table.')
param tableName string

@description('Name of the table of the session_keys; empty for none.')
param sessionTableName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Redundancy.')
param sku string

@description('Whether only private endpoints reach it.')
param isPrivate bool

@description('Name of the app\'s identity.')
param identityName string

@description('Its object id.')
param principalId string

@description('Log Analytics workspace of the diagnostic settings.')
param workspaceId string

var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = {
  parent: tables
  name: tableName
}

// The app reads and writes one row. It need not create the table, which is here already: the role is for this table only.
resource writesTable 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(table.id, identityName, storageTableDataContributor)
  scope: table
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Every login writes a row, and the timer deletes what is over.
resource sessionTable 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = if (!empty(sessionTableName)) {
  parent: tables
  name: empty(sessionTableName) ? 'none' : sessionTableName
}

resource writesSessions 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(sessionTableName)) {
  name: guid(sessionTable.id, identityName, storageTableDataContributor)
  scope: sessionTable
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Who touched the token is worth knowing, and it is touched a few hundred times a day. The table of sessions is written by every login:
// these lines would cost more than the logins, and who reads is what matters.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: tables
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: empty(sessionTableName)
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

output accountId string = account.id
output accountName string = account.name
output tableName string = table.name
output serviceUri string = account.properties.primaryEndpoints.table
