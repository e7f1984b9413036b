using 'main.bicep'

param environmentName = 'prod'
param corpId = readEnvironmentVariable('WECOM_CORP_ID')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param alertWebhook = readEnvironmentVariable('ALERT_WEBHOOK')
param storageSku = 'Standard_ZRS'
param alwaysReadyInstances = 1
param logRetentionDays = 90
