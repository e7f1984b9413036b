metadata description = 'The vault of the corpsecrets and of the keys of sessions, and the app\'s right to read these secrets alone.'

@description('Name of the vault.')
param name string

@description('Names of the secrets: one for each app, and that of sessions.')
param secretNames string[]

@description('Whether to create the secrets, disabled and without a value of worth, when they do not exist.')
param createPlaceholder bool

@description('Days for which it is kept when it is deleted.')
param retentionDays int

@description('Whether to recover the deleted vault of the same name.')
param recoverDeleted bool

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Whether only private endpoints reach it.')
param isPrivate bool

@description('Name of the app\'s identity.')
param identityName string

@description('Its object id.')
param principalId string

@description('Log Analytics workspace of the diagnostic settings.')
param workspaceId string

var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    createMode: recoverDeleted ? 'recover' : 'default'
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: retentionDays
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

// A role on a secret wants the secret to be there, and its value is the operator's. So it is made once, disabled: Key Vault
// gives a disabled secret to nobody, and the app says that it is. The operator's first `az keyvault secret set` adds an enabled
// version; @onlyIfNotExists keeps every later deployment away from it.
@onlyIfNotExists()
resource placeholders 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = [
  for secretName in secretNames: if (createPlaceholder) {
    parent: vault
    name: secretName
    tags: tags
    properties: {
      contentType: 'secret of WeComFunc'
      value: 'to be set by an operator'
      attributes: {
        enabled: false
      }
    }
  }
]

resource secrets 'Microsoft.KeyVault/vaults/secrets@2025-05-01' existing = [
  for secretName in secretNames: {
    parent: vault
    name: secretName
  }
]

// The app reads these secrets, and lists their versions, and nothing else of the vault, now or later: a role for each of them.
resource readsSecret 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (secretName, i) in secretNames: {
    name: guid(secrets[i].id, identityName, keyVaultSecretsUser)
    scope: secrets[i]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
    dependsOn: [
      placeholders
    ]
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output id string = vault.id
output name string = vault.name
output uri string = vault.properties.vaultUri
