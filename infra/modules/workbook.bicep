metadata description = 'What an operator sees: logins by outcome, latency, renewals by reason, token age, errcodes.'

@description('Name of the workbook, a GUID.')
param name string

@description('Title of the workbook.')
param displayName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of Application Insights, where the queries run.')
param insightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: displayName
    category: 'workbook'
    sourceId: insightsId
    version: 'Notebook/1.0'
    serializedData: replace(loadTextContent('../workbook.json'), 'APPLICATION-INSIGHTS', insightsId)
  }
}
