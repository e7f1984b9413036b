metadata description = 'A domain of your own on the app, with its certificate. Both DNS records have to be there before.'

@description('Name of the function app.')
param appName string

@description('The domain.')
param domain string

@description('Resource id of the vault with the certificate; empty for a managed one.')
param certificateVaultId string

@description('Name of the certificate in this vault.')
param certificateName string

@description('Region.')
param location string

@description('Tags.')
param tags object

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

// A managed certificate is only issued for a domain that is bound already, and bound without a certificate it answers no TLS: so
// this is done once and never again, or every deployment would switch TLS off for a while.
@onlyIfNotExists()
resource binding 'Microsoft.Web/sites/hostNameBindings@2025-03-01' = {
  parent: app
  name: domain
  properties: {
    siteName: appName
    hostNameType: 'Verified'
    customHostNameDnsRecordType: 'CName'
    sslState: 'Disabled'
  }
}

// Of the app, not of the plan: Flex Consumption finds no other.
resource certificate 'Microsoft.Web/sites/certificates@2025-03-01' = {
  parent: app
  name: '${replace(domain, '.', '-')}-${empty(certificateVaultId) ? 'managed' : certificateName}'
  location: location
  tags: tags
  properties: empty(certificateVaultId)
    ? {
        canonicalName: domain
      }
    : {
        keyVaultId: certificateVaultId
        keyVaultSecretName: certificateName
      }
  dependsOn: [
    binding
  ]
}

// The same binding, now with the certificate: a template may name a resource only once.
module tls 'domain-tls.bicep' = {
  params: {
    appName: appName
    domain: domain
    thumbprint: certificate.properties.thumbprint
  }
}
