using 'main.bicep'

param environmentName = 'dev'
param corpId = readEnvironmentVariable('WECOM_CORP_ID')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param alertWebhook = readEnvironmentVariable('ALERT_WEBHOOK')
param vaultRetentionDays = 7
