metadata description = 'The virtual network of the app, and its fixed outbound address.'

@description('Name of the virtual network.')
param networkName string

@description('Name of the NAT gateway.')
param natGatewayName string

@description('Name of the public IP address.')
param publicIpName string

@description('Address space, /23 or larger.')
param addressPrefix string

@description('Whether outbound calls leave by one fixed address.')
param fixedOutboundIp bool

@description('SKU of the NAT gateway and its address.')
param natSku string

@description('Region.')
param location string

@description('Tags.')
param tags object

resource publicIp 'Microsoft.Network/publicIPAddresses@2025-05-01' = if (fixedOutboundIp) {
  name: publicIpName
  location: location
  tags: tags
  sku: {
    name: natSku
    tier: 'Regional'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
    idleTimeoutInMinutes: 4
  }
}

resource natGateway 'Microsoft.Network/natGateways@2025-05-01' = if (fixedOutboundIp) {
  name: natGatewayName
  location: location
  tags: tags
  sku: {
    name: natSku
  }
  properties: {
    idleTimeoutInMinutes: 4
    publicIpAddresses: [
      {
        id: publicIp.id
      }
    ]
  }
}

// Flex Consumption wants a subnet of its own, delegated; private endpoints may not share it.
resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: networkName
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 0)
          natGateway: fixedOutboundIp ? { id: natGateway.id } : null
          // WeCom is outside: without the gateway the subnet needs Azure's own way out, which is no longer given to every subnet.
          defaultOutboundAccess: !fixedOutboundIp
          delegations: [
            {
              name: 'flex'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 1)
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

output id string = network.id
output appSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'app')
output endpointSubnetId string = resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, 'endpoints')
output outboundIpAddress string = fixedOutboundIp ? publicIp!.properties.ipAddress : ''
