metadata description = 'A private endpoint, with the DNS zone that leads the app there.'

@description('Name of the endpoint.')
param name string

@description('Resource id of what it leads to.')
param targetId string

@description('Which service of this resource, as Azure names it.')
param group string

@description('DNS zone of the service.')
param zone string

@description('The virtual network whose resolver is to know the endpoint.')
param networkName string

@description('Its resource id.')
param networkId string

@description('The subnet of the endpoint.')
param subnetId string

@description('Region.')
param location string

@description('Tags.')
param tags object

resource dnsZone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zone
  location: 'global'
  tags: tags
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: dnsZone
  name: networkName
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: group
        properties: {
          privateLinkServiceId: targetId
          groupIds: [
            group
          ]
        }
      }
    ]
  }
}

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: group
        properties: {
          privateDnsZoneId: dnsZone.id
        }
      }
    ]
  }
}
