metadata description = 'How the operators are reached: by e-mail, by a second way that an alert of severity 1 deserves, and when the month gets expensive.'

@description('Name of the action group.')
param actionGroupName string

@description('Name of the Logic App that speaks to a robot of a WeCom group.')
param robotName string

@description('Name of the budget.')
param budgetName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Who gets the e-mails.')
param email string

@description('Address of a robot of a WeCom group, or of what takes the common alert schema; none for none.')
@secure()
param webhook string

@description('What a month may cost; 0 for no budget.')
param monthlyBudget int

@description('First day of the month in which the budget is made.')
param budgetFrom string

var isRobot = startsWith(webhook, 'https://qyapi.weixin.qq.com/cgi-bin/webhook/')

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'wecomfunc'
    enabled: true
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: webhook == 'none' || isRobot
      ? []
      : [
          {
            name: 'webhook'
            serviceUri: webhook
            useCommonAlertSchema: true
          }
        ]
    logicAppReceivers: isRobot
      ? [
          {
            name: 'robot'
            resourceId: robot.id
            // It does: it is asked on the same condition.
            #disable-next-line BCP422
            callbackUrl: robot::alert.listCallbackUrl().value
            useCommonAlertSchema: true
          }
        ]
      : []
  }
}

// A robot takes only its own kind of message: this makes one of the alert. Its address is the key to it, so runs keep no inputs.
resource robot 'Microsoft.Logic/workflows@2019-05-01' = if (isRobot) {
  name: robotName
  location: location
  tags: tags
  properties: {
    definition: loadJsonContent('../robot.json')
    parameters: {
      robot: {
        value: webhook
      }
    }
  }

  resource alert 'triggers' existing = {
    name: 'alert'
  }
}

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = if (monthlyBudget > 0) {
  name: budgetName
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetFrom
    }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: [
          email
        ]
      }
      forecast: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [
          email
        ]
      }
    }
  }
}

output actionGroupId string = operators.id
