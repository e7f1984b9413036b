metadata description = 'What an operator is told. What each alert means, and what to do, is in the README.'

@description('Resource id of the action group.')
param actionGroupId string

@description('Name of the availability test.')
param healthTestName string

@description('Beginning of the names of the alert rules.')
param alertPrefix string

@description('What the titles of the alerts begin with.')
param label string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Whether the alerts are on.')
param enabled bool

@description('Resource id of Application Insights.')
param insightsId string

@description('Address of the health call.')
param healthUrl string

@description('Where the health call comes from; empty for no availability test.')
param healthTestLocations array

@description('Failed logins, in percent, that raise an alert.')
param failedLoginPercent int

@description('95th percentile of the duration, in ms, that raises an alert.')
param slowLoginMs int

// The metrics of the app's meter do not leave the worker process: all queries read the log lines, which do.
var rules = [
  {
    name: 'token-renewal'
    title: 'the access_token is not renewed'
    description: 'No good run of the timer RefreshAccessToken for an app in 30 minutes, or it fails with less than 40 minutes left. Logins go on by themselves; look before they are all that renews. README: Token renewal.'
    query: loadTextContent('../queries/token-renewal.kql')
    severity: 1
    window: 'PT30M'
    column: 'unhealthy'
    aggregation: 'Maximum'
    threshold: 0
    dimensions: []
  }
  {
    name: 'misconfigured'
    title: 'logins fail until somebody acts'
    description: 'The dimensions errcode, advice and app say what is wrong, what to do, and for which app. README: Misconfigured.'
    query: loadTextContent('../queries/misconfigured.kql')
    severity: 1
    window: 'PT10M'
    column: 'events'
    aggregation: 'Total'
    threshold: 0
    dimensions: [
      { name: 'errcode', operator: 'Include', values: ['*'] }
      { name: 'advice', operator: 'Include', values: ['*'] }
      { name: 'app', operator: 'Include', values: ['*'] }
    ]
  }
  {
    name: 'untrusted-address'
    title: 'WeCom refuses the outbound address (60020)'
    description: 'Enter the address of the dimension address under 企业可信IP of the app in WeCom\'s console. README: Untrusted address.'
    query: loadTextContent('../queries/untrusted-address.kql')
    severity: 1
    window: 'PT10M'
    column: 'events'
    aggregation: 'Total'
    threshold: 0
    dimensions: [
      { name: 'address', operator: 'Include', values: ['*'] }
    ]
  }
  {
    name: 'failed-logins'
    title: 'too many logins fail'
    description: 'More than ${failedLoginPercent} % of the logins failed, not counting refusals that are up to the caller. README: Failed logins.'
    query: loadTextContent('../queries/failed-logins.kql')
    severity: 2
    window: 'PT15M'
    column: 'percent'
    aggregation: 'Maximum'
    threshold: failedLoginPercent
    dimensions: []
  }
  {
    name: 'slow-logins'
    title: 'logins are slow'
    description: 'The 95th percentile of successful logins is above ${slowLoginMs} ms. README: Slow logins.'
    query: loadTextContent('../queries/slow-logins.kql')
    severity: 3
    window: 'PT15M'
    column: 'p95'
    aggregation: 'Maximum'
    threshold: slowLoginMs
    dimensions: []
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${alertPrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${label}: ${rule.title}'
      description: rule.description
      severity: rule.severity
      enabled: enabled
      scopes: [
        insightsId
      ]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: rule.aggregation
            metricMeasureColumn: rule.column
            operator: 'GreaterThan'
            threshold: rule.threshold
            dimensions: rule.dimensions
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      autoMitigate: true
      // The tables of a new Application Insights may not be known yet when its first rules are made.
      skipQueryValidation: true
      actions: {
        actionGroups: [
          actionGroupId
        ]
      }
    }
  }
]

resource healthTest 'Microsoft.Insights/webtests@2022-06-15' = if (!empty(healthTestLocations)) {
  name: healthTestName
  location: location
  tags: union(tags, {
    // How the portal finds the component that a test belongs to.
    'hidden-link:${insightsId}': 'Resource'
  })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: healthTestName
    Name: '${label}: health'
    Description: 'GET /api/health answers 200 when a login could succeed now. It makes no call to WeCom.'
    Kind: 'standard'
    Enabled: true
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: [
      for place in healthTestLocations: {
        Id: place
      }
    ]
    Request: {
      RequestUrl: healthUrl
      HttpVerb: 'GET'
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 7
    }
  }
}

resource healthAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = if (!empty(healthTestLocations)) {
  name: '${alertPrefix}-health'
  location: 'global'
  tags: union(tags, {
    'hidden-link:${insightsId}': 'Resource'
    'hidden-link:${healthTest.id}': 'Resource'
  })
  properties: {
    description: '${label}: health fails. No login could succeed, or the app does not answer. README: Health.'
    severity: 1
    enabled: enabled
    scopes: [
      insightsId
      healthTest.id
    ]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: healthTest.id
      componentId: insightsId
      failedLocationCount: min(2, length(healthTestLocations))
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
