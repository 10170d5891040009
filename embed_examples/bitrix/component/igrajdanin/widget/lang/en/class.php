<?php
$MESS['IGRAJDANIN_NO_CODE'] = 'Problems of the city: the settings of the component have no code of the widget.';
