metadata description = 'Private endpoints of the vault and the token table, with the DNS zones that lead the app there.'

@description('Name of the endpoint of the vault.')
param vaultEndpointName string

@description('The vault.')
param vaultId string

@description('Name of the endpoint of the token table.')
param tableEndpointName string

@description('The storage account of the token table.')
param tokenStorageId string

@description('The virtual network whose resolver is to know the endpoints.')
param networkId string

@description('The subnet of the endpoints.')
param subnetId string

@description('Region.')
param location string

@description('Tags.')
param tags object

// Azure's naming of the zones: the vault's is vaultcore where its public name is vault, in every cloud.
var endpoints = [
  {
    name: vaultEndpointName
    target: vaultId
    group: 'vault'
    zone: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
  }
  {
    name: tableEndpointName
    target: tokenStorageId
    group: 'table'
    zone: 'privatelink.table.${environment().suffixes.storage}'
  }
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for endpoint in endpoints: {
  name: endpoint.zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (endpoint, i) in endpoints: {
  parent: zones[i]
  name: uniqueString(networkId)
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [for endpoint in endpoints: {
  name: endpoint.name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: endpoint.group
        properties: {
          privateLinkServiceId: endpoint.target
          groupIds: [
            endpoint.group
          ]
        }
      }
    ]
  }
}]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [for (endpoint, i) in endpoints: {
  parent: privateEndpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: endpoint.group
        properties: {
          privateDnsZoneId: zones[i].id
        }
      }
    ]
  }
}]
